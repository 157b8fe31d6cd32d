package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An instance type is a family and a size, in each cloud's own spelling.
var (
	awsForm   = regexp.MustCompile(`^((?:db\.|cache\.)?[a-z][a-z0-9-]{0,15})\.([a-z0-9]{1,12})$`)
	gcpForm   = regexp.MustCompile(`^([a-z][a-z0-9]{1,5}-(?:standard|highmem|highcpu))-([0-9]{1,3})$`)
	azureForm = regexp.MustCompile(`^(Standard_[A-Z]{1,2})([0-9]{1,3})([a-z]{0,4}(?:_v[0-9])?)$`)
)

// awsSizes are the sizes between which a family of AWS moves, with the share of
// the next that each is: the number of virtual CPUs, or for the small ones the
// memory, in units that only have to compare.
var awsSizes = []struct {
	name string
	size int
}{
	{"nano", 1}, {"micro", 2}, {"small", 4}, {"medium", 8}, {"large", 16}, {"xlarge", 32},
	{"2xlarge", 64}, {"4xlarge", 128}, {"8xlarge", 256}, {"9xlarge", 288}, {"10xlarge", 320}, {"12xlarge", 384},
	{"16xlarge", 512}, {"18xlarge", 576}, {"24xlarge", 768}, {"32xlarge", 1024}, {"48xlarge", 1536},
}

// The sizes of the families that are in common use; a family that is not here
// is left to people. Sources:
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html
// https://cloud.google.com/compute/docs/general-purpose-machines
// https://learn.microsoft.com/azure/virtual-machines/sizes/overview
const (
	burst   = "nano micro small medium large xlarge 2xlarge"
	sixth   = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"
	fourth  = "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge" // Graviton
	seventh = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"
)

var awsFamilies = map[string]string{
	"t2": burst, "t3": burst, "t3a": burst, "t4g": burst,
	"m4": "large xlarge 2xlarge 4xlarge 10xlarge 16xlarge",
	"m5": sixth, "m5a": sixth, "m5d": sixth, "m6a": seventh, "m6i": sixth + " 32xlarge", "m6g": fourth, "m7g": fourth, "m7i": seventh, "m7a": "medium " + seventh,
	"c4": "large xlarge 2xlarge 4xlarge 8xlarge",
	"c5": "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge", "c5a": sixth,
	"c6i": sixth + " 32xlarge", "c6a": seventh, "c6g": fourth, "c7g": fourth, "c7i": seventh,
	"r4": "large xlarge 2xlarge 4xlarge 8xlarge 16xlarge",
	"r5": sixth, "r5a": sixth, "r6i": sixth + " 32xlarge", "r6g": fourth, "r7g": fourth, "r7i": seventh,
	"i3": "large xlarge 2xlarge 4xlarge 8xlarge 16xlarge", "g4dn": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge",

	"db.t2": "micro small medium large xlarge 2xlarge", "db.t3": "micro small medium large xlarge 2xlarge",
	"db.t4g": "micro small medium large xlarge 2xlarge",
	"db.m5":  sixth, "db.m6i": sixth + " 32xlarge", "db.m6g": strings.TrimPrefix(fourth, "medium "), "db.m7g": strings.TrimPrefix(fourth, "medium "),
	"db.r5": sixth, "db.r6i": sixth + " 32xlarge", "db.r6g": strings.TrimPrefix(fourth, "medium "), "db.r7g": strings.TrimPrefix(fourth, "medium "),

	"cache.t2": "micro small medium", "cache.t3": "micro small medium", "cache.t4g": "micro small medium",
	"cache.m5": "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge", "cache.m6g": strings.TrimPrefix(fourth, "medium "),
	"cache.r5": "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge", "cache.r6g": strings.TrimPrefix(fourth, "medium "),
}

// Virtual CPUs of the families of Google Cloud and Azure.
var gcpFamilies = map[string]string{
	"e2-standard": "2 4 8 16 32", "e2-highmem": "2 4 8 16", "e2-highcpu": "2 4 8 16 32",
	"n1-standard": "1 2 4 8 16 32 64 96", "n1-highmem": "2 4 8 16 32 64 96", "n1-highcpu": "2 4 8 16 32 64 96",
	"n2-standard": "2 4 8 16 32 48 64 80 96 128", "n2-highmem": "2 4 8 16 32 48 64 80 96 128", "n2-highcpu": "2 4 8 16 32 48 64 80 96",
	"n2d-standard": "2 4 8 16 32 48 64 80 96 128 224", "c2-standard": "4 8 16 30 60", "c3-standard": "4 8 22 44 88 176",
}

var azureFamilies = map[string]string{
	"Standard_D_v3": "2 4 8 16 32 48 64", "Standard_Ds_v3": "2 4 8 16 32 48 64",
	"Standard_D_v4": "2 4 8 16 32 48 64", "Standard_Ds_v4": "2 4 8 16 32 48 64",
	"Standard_D_v5": "2 4 8 16 32 48 64 96", "Standard_Ds_v5": "2 4 8 16 32 48 64 96", "Standard_Das_v5": "2 4 8 16 32 48 64 96",
	"Standard_E_v3": "2 4 8 16 20 32 48 64", "Standard_Es_v3": "2 4 8 16 20 32 48 64",
	"Standard_E_v5": "2 4 8 16 20 32 48 64 96", "Standard_Es_v5": "2 4 8 16 20 32 48 64 96", "Standard_Eas_v5": "2 4 8 16 20 32 48 64 96",
	"Standard_Fs_v2": "2 4 8 16 32 48 64 72",
}

// nextSize moves an instance type one size up within its family.
func nextSize(from string, r Rule, b Bounds) (Adjustment, Reason) {
	family, size, join, sizes := ladder(from)
	if len(sizes) == 0 {
		return Adjustment{}, reasonf(UnknownFamily, "%q is not of a family whose sizes are known; choose the next one by hand", from)
	}
	at := slices.Index(sizes, size)
	switch {
	case at < 0:
		return Adjustment{}, reasonf(UnknownFamily, "%s has no size %q: %s", family, size, strings.Join(sizes, ", "))
	case at == len(sizes)-1:
		return Adjustment{}, reasonf(LargestSize, "%s is the largest size of %s", from, family)
	}
	to := join(sizes[at+1])
	if w := weight(sizes[at+1]); w > MaxFactor*weight(size) {
		return Adjustment{}, reasonf(StepTooLarge, "the next size of %s is %s, more than ×%d in one step: a person should decide", from, to, MaxFactor)
	}
	caps := b.Caps
	if r.Ceiling != "" {
		caps = append([]Cap{{r.Ceiling, "ceiling of the configuration"}}, caps...)
	}
	for _, c := range caps {
		other, top, _, _ := ladder(c.Value)
		if limit := slices.Index(sizes, top); other != family || limit < 0 {
			return Adjustment{}, reasonf(NotParseable, "%s: %s is not a size of %s", c.Source, c.Value, family)
		} else if at+1 > limit {
			return Adjustment{}, reasonf(AtCeiling, "%s stays: %s is %s; the next size is %s", from, c.Source, c.Value, to)
		}
	}
	return Adjustment{From: from, To: to, Rule: "next size of " + family}, Reason{}
}

// ladder takes an instance type apart: its family, its size, how the two are
// joined again, and the sizes of the family; none where the family is unknown.
func ladder(text string) (family, size string, join func(string) string, sizes []string) {
	if m := awsForm.FindStringSubmatch(text); m != nil {
		return m[1], m[2], func(s string) string { return m[1] + "." + s }, strings.Fields(awsFamilies[m[1]])
	}
	if m := gcpForm.FindStringSubmatch(text); m != nil {
		return m[1], m[2], func(s string) string { return m[1] + "-" + s }, strings.Fields(gcpFamilies[m[1]])
	}
	if m := azureForm.FindStringSubmatch(text); m != nil {
		return m[1] + m[3], m[2], func(s string) string { return m[1] + s + m[3] }, strings.Fields(azureFamilies[m[1]+m[3]])
	}
	return "", "", nil, nil
}

// weight compares two sizes of one family.
func weight(size string) int {
	if n, err := strconv.Atoi(size); err == nil {
		return n
	}
	for _, s := range awsSizes {
		if s.name == size {
			return s.size
		}
	}
	return 0
}
