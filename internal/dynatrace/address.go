package dynatrace

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// environment checks the URL of an environment. The classic host
// <id>.live.dynatrace.com answers the query API with an HTML page; it is
// mapped to <id>.apps.dynatrace.com, and the notice says so.
func environment(text string) (u *url.URL, notice string, err error) {
	u, err = secureURL(text)
	if err != nil {
		return nil, "", fmt.Errorf("dynatrace: URL: %w", err)
	}
	if u.Path != "" && u.Path != "/" {
		return nil, "", fmt.Errorf("dynatrace: URL: %s has the path %s: want the environment alone, https://abc12345.apps.dynatrace.com", u, u.Path)
	}
	u.Path = ""
	host := strings.ToLower(u.Host)
	if !vendorHost(u.Hostname()) || strings.Contains(host, ".apps.") {
		return u, "", nil
	}
	mapped := strings.Replace(host, ".live.", ".apps.", 1)
	if mapped == host {
		return nil, "", fmt.Errorf("dynatrace: URL: %s does not serve the query API: want https://abc12345.apps.dynatrace.com", u)
	}
	notice = fmt.Sprintf("dynatrace: %s does not serve the query API; using %s", u.Host, mapped)
	u.Host = mapped
	return u, notice, nil
}

// vendorHost reports whether host is one that Dynatrace runs. Other hosts are
// proxies and test servers, whose names mean nothing to us.
func vendorHost(host string) bool {
	host = strings.ToLower(host)
	return strings.HasSuffix(host, ".dynatrace.com") || strings.HasSuffix(host, ".dynatracelabs.com")
}

// secureURL parses a URL that credentials may be sent to: https, or http to
// this machine; no user, query or fragment. Errors do not repeat a URL that
// may hold a password.
func secureURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("none given: want https://abc12345.apps.dynatrace.com")
	case err != nil:
		return nil, errors.New("not a URL: want https://abc12345.apps.dynatrace.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("want no user, password, query or fragment in it")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("%q: want https://abc12345.apps.dynatrace.com", text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("%s: want https: a token would travel in the clear", u)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
