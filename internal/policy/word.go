package policy

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A word is a setting with a fixed set of values.
type word interface{ words() []string }

// A text is a setting that is read from one scalar.
type text interface {
	read(s string) error
	form() string // regular expression of what is taken, for the JSON Schema
}

// OnUnknown is what a gate does when it could not find out.
type OnUnknown string

const (
	Block   OnUnknown = "block"
	Warn    OnUnknown = "warn"
	Proceed OnUnknown = "proceed"
)

func (OnUnknown) words() []string { return []string{string(Block), string(Warn), string(Proceed)} }

// Mode is how a gate runs.
type Mode string

const (
	Off     Mode = "off"
	Shadow  Mode = "shadow"
	Enforce Mode = "enforce"
)

func (Mode) words() []string { return []string{string(Off), string(Shadow), string(Enforce)} }

// Role is what a person must at least be in a repository.
type Role string

const (
	Write Role = "write"
	Admin Role = "admin"
)

func (Role) words() []string { return []string{string(Write), string(Admin)} }

// GateName names a gate; its commit status is salve/ and the name.
type GateName string

const (
	PreDeployment  GateName = "pre-deployment"
	PostDeployment GateName = "post-deployment"
	Canary         GateName = "canary"
	Risk           GateName = "risk"
)

func (GateName) words() []string {
	return []string{string(PreDeployment), string(PostDeployment), string(Canary), string(Risk)}
}

// Sharing says what to do with a value that several places share.
type Sharing string

const (
	Refuse Sharing = "refuse"
	Allow  Sharing = "allow"
)

func (Sharing) words() []string { return []string{string(Refuse), string(Allow)} }

// Severity of a problem, as configured.
type Severity string

func (Severity) words() []string { return []string{"low", "medium", "high", "critical"} }

// Category is an event.category.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
type Category string

func (Category) words() []string {
	return []string{"AVAILABILITY", "ERROR", "SLOWDOWN", "RESOURCE_CONTENTION", "RESOURCE", "CUSTOM_ALERT", "CUSTOM", "MONITORING_UNAVAILABLE", "INFO"}
}

// Weekday is a day of a [Window].
type Weekday string

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (Weekday) words() []string { return weekdays }

// Amount is a value as written: 2Gi, 10, m5.2xlarge.
type Amount string

// amountForm takes a name, or a quantity as Kubernetes writes it, or a percentage.
const amountForm = `^([A-Za-z][A-Za-z0-9._%-]{0,63}|[0-9]{1,20}(\.[0-9]{1,20})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]{1,2}|%)?)$`

func (Amount) form() string { return amountForm }

func (a *Amount) read(s string) error {
	if !regexp.MustCompile(amountForm).MatchString(s) {
		return fmt.Errorf("%q is not a value such as 2Gi, 10 or m5.2xlarge", s)
	}
	*a = Amount(s)
	return nil
}

// Factor is what a value is multiplied by: 1.25, also written 25%.
type Factor float64

func (Factor) form() string { return `^([0-9]{1,3}%|[12](\.[0-9]{1,3})?)$` }

func (f *Factor) read(s string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if strings.HasSuffix(s, "%") {
		n = 1 + n/100
	}
	if err != nil || !(n > 1 && n <= MaxFactor) {
		return fmt.Errorf("%q is not a factor above 1 and at most %d, such as 1.25 or 25%%", s, MaxFactor)
	}
	*f = Factor(math.Round(n*1000) / 1000)
	return nil
}

// Share is a part of the whole: 10%.
type Share float64

func (Share) form() string { return `^[0-9]{1,2}(\.[0-9]{1,3})?%$` }

func (p *Share) read(s string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !strings.HasSuffix(s, "%") || !(n > 0 && n < 100) {
		return fmt.Errorf("%q is not a share between 0%% and 100%%, such as 10%%", s)
	}
	*p = Share(n / 100)
	return nil
}

// Duration is a time span: "90m", "24h", "7d", "2w".
type Duration time.Duration

func (Duration) form() string { return `^([0-9]{1,6}[smhdw])+$` }

var span = regexp.MustCompile(`^([0-9]{1,6})([smhdw])`)

func (d *Duration) read(s string) error {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	var sum time.Duration
	rest := s
	for {
		m := span.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return err
		}
		sum += time.Duration(n) * units[m[2]]
		rest = rest[len(m[0]):]
		if sum > 366*24*time.Hour {
			return fmt.Errorf("%q is more than a year", s)
		}
	}
	if rest != "" || s == "" {
		return fmt.Errorf("%q is not a time span such as 90m, 24h or 7d", s)
	}
	*d = Duration(sum)
	return nil
}

// Clock is a time of day.
type Clock int // minutes since midnight

func (Clock) form() string { return `^([01][0-9]|2[0-4]):[0-5][0-9]$` }

func (c *Clock) read(s string) error {
	var h, m int
	if len(s) != 5 {
		return fmt.Errorf("%q is not a time of day such as 22:00", s)
	}
	if _, err := fmt.Sscanf(s, "%2d:%2d", &h, &m); err != nil || h < 0 || m < 0 || m > 59 || h*60+m > 24*60 {
		return fmt.Errorf("%q is not a time of day such as 22:00", s)
	}
	*c = Clock(h*60 + m)
	return nil
}
