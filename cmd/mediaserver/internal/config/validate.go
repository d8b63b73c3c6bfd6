package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// validate checks what single values cannot show: forms, bounds between keys,
// names given twice.
func (d *decoder) validate(cfg *Config) {
	d.validateSIP(&cfg.SIP)
	d.validateRTP(&cfg.RTP)
	d.validateHTTP(&cfg.HTTP)
	d.validateEvents(&cfg.Events)
	for _, dir := range []struct{ path, value string }{
		{"media.directory", cfg.Media.Directory}, {"media.log_directory", cfg.Media.LogDirectory},
	} {
		if dir.value == "" {
			d.fail(d.place(dir.path), dir.path, "must not be empty")
		}
	}
	d.validateTTS(&cfg.TTS)
	for i, dest := range cfg.Conference.Destinations {
		d.validateDestination(dest, fmt.Sprintf("conference.destinations[%d]", i))
	}
	d.unique("services", len(cfg.Services), func(i int) string { return cfg.Services[i].Name })
	for i := range cfg.Services {
		d.validateService(&cfg.Services[i], fmt.Sprintf("services[%d]", i))
	}
}

// at reports a problem of a key at its place.
func (d *decoder) at(path, format string, args ...any) {
	d.fail(d.place(path), path, format, args...)
}

// unique requires a name of every element of a list, and no name twice.
func (d *decoder) unique(list string, n int, name func(int) string) {
	first := map[string]int{}
	for i := range n {
		path := fmt.Sprintf("%s[%d].name", list, i)
		if name(i) == "" {
			d.at(path, "is missing")
			continue
		}
		if j, taken := first[name(i)]; taken {
			was := d.place(fmt.Sprintf("%s[%d].name", list, j))
			d.at(path, "%q is the name of %s[%d] already%s", name(i), list, j, inLine(was))
			continue
		}
		first[name(i)] = i
	}
}

// inLine is " (line 3)", or nothing when there is no line.
func inLine(p Place) string {
	if p.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", p.Line)
}

func (d *decoder) validateSIP(s *SIP) {
	if len(s.Listen) == 0 {
		d.at("sip.listen", "must name at least one address, such as udp://0.0.0.0:5060")
	}
	for i, l := range s.Listen {
		d.validateListener(l, fmt.Sprintf("sip.listen[%d]", i))
		if slices.Contains(s.Listen[:i], l) {
			d.at(fmt.Sprintf("sip.listen[%d]", i), "%q is given twice", l)
		}
	}
	if s.Advertise != "" && s.Advertise != autoAdvertise && !isHost(s.Advertise) {
		d.at("sip.advertise", "%q is neither an IP address nor a host name; give it without port", s.Advertise)
	}
	if len(s.Allow) == 0 {
		d.at("sip.allow", "must name at least one network; 0.0.0.0/0 and ::/0 are everybody")
	}
	d.validateNetwork(s)
	d.validateTrunks(s)
	d.validatePhones(s)
	d.validateDialogs(s)
	d.validateDefence(&s.Defence)
}

// splitHostPort parses host:port with a port from 0 to 65535.
func splitHostPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port", address)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not a port number", text)
	}
	return host, port, nil
}

// isHost accepts an IP address or a host name.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
				return false
			}
		}
	}
	return true
}

func (d *decoder) validateRTP(r *RTP) {
	if r.Advertise != "" {
		if _, err := netip.ParseAddr(r.Advertise); err != nil {
			d.at("rtp.advertise", "%q is not an IP address", r.Advertise)
		}
	}
	if r.PortMax <= r.PortMin+r.PortMin&1 {
		d.at("rtp.port_max", "%d leaves no room for a call beside rtp.port_min, %d: one takes an even port and the next", r.PortMax, r.PortMin)
	} else if last := r.PortMin + r.PortMin&1 + 2*r.SharedPorts - 1; r.IO == "shared" && last > r.PortMax {
		d.at("rtp.shared_ports", "%d pairs of ports from rtp.port_min, %d, on go beyond rtp.port_max, %d", r.SharedPorts, r.PortMin, r.PortMax)
	}
	if r.Jitter.MaxMS < r.Jitter.MinMS {
		d.at("rtp.jitter.max_ms", "%d is less than rtp.jitter.min_ms, %d", r.Jitter.MaxMS, r.Jitter.MinMS)
	}
	d.validateCodecs(r)
}

// validateCodecs accepts the default list, which names codecs of later
// versions, and any list of available ones.
func (d *decoder) validateCodecs(r *RTP) {
	if len(r.Codecs) == 0 {
		d.at("rtp.codecs", "must name at least one of %s", strings.Join(availableCodecs(), ", "))
	}
	if slices.Equal(r.Codecs, Default().RTP.Codecs) {
		return
	}
	for i, c := range r.Codecs {
		path := fmt.Sprintf("rtp.codecs[%d]", i)
		switch {
		case !slices.Contains(Default().RTP.Codecs, c):
			d.at(path, "%q is not one of %s", c, strings.Join(Default().RTP.Codecs, ", "))
		case !slices.Contains(availableCodecs(), c):
			d.at(path, "%q is not in this version; available: %s", c, strings.Join(availableCodecs(), ", "))
		case slices.Contains(r.Codecs[:i], c):
			d.at(path, "%q is given twice", c)
		}
	}
}

// availableCodecs are the codecs of this version.
func availableCodecs() []string { return []string{"pcmu", "pcma"} }

// Offered is the list of codecs that calls are offered: those of the key that
// this version has, in its order.
func (r RTP) Offered() []string {
	return slices.DeleteFunc(slices.Clone(r.Codecs), func(c string) bool {
		return !slices.Contains(availableCodecs(), c)
	})
}

func (d *decoder) validateHTTP(h *HTTP) {
	if _, _, err := splitHostPort(h.Listen); err != nil {
		d.at("http.listen", "%v", err)
	}
	d.validateUsers(h)
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		d.at("http.tls", "cert_file and key_file belong together")
	}
	if h.PprofListen == "" {
		return
	}
	host, _, err := splitHostPort(h.PprofListen)
	if err != nil {
		d.at("http.pprof_listen", "%v", err)
		return
	}
	ip, err := netip.ParseAddr(host)
	if loopback := host == "localhost" || err == nil && ip.IsLoopback(); !loopback && !h.PprofAnyAddress {
		d.at("http.pprof_listen", "%q is not a loopback address; profiles tell much about a server, so this needs http.pprof_any_address: true", h.PprofListen)
	}
}

// validateUsers checks the logins. A listener that others reach needs some.
func (d *decoder) validateUsers(h *HTTP) {
	d.unique("http.users", len(h.Users), func(i int) string { return h.Users[i].Name })
	for i, u := range h.Users {
		path := fmt.Sprintf("http.users[%d]", i)
		if u.Name != "" && (len(u.Name) > maxName || strings.ContainsFunc(u.Name, notInName)) {
			d.at(join(path, "name"), "%q must be 1 to %d letters, digits, spaces or any of . _ -", u.Name, maxName)
		}
		if u.Password == "" && u.APIKey == "" && u.PasswordFile == "" && u.APIKeyFile == "" {
			d.at(path, "has neither password nor api_key")
		}
	}
}

// validateDestination checks one entry of conference.destinations.
func (d *decoder) validateDestination(dest Destination, path string) {
	if dest.Match == "" {
		d.at(join(path, "match"), "is missing")
	}
	address := join(path, "address")
	switch rest := strings.ReplaceAll(dest.Address, "{name}", "room"); {
	case dest.Address == "":
		d.at(address, "is missing")
	case !strings.HasPrefix(rest, "sip:") || len(rest) == len("sip:") || strings.ContainsAny(rest, " \t\r\n<>\""):
		d.at(address, "%q is not a SIP address such as sip:{name}@pbx.example.net", dest.Address)
	case strings.ContainsAny(rest, "{}"):
		d.at(address, "%q: only {name} can be filled in", dest.Address)
	}
}

// validatePage checks an address of a service: absolute, http or https.
func (d *decoder) validatePage(p Page, path string) {
	if p.URL == "" {
		return
	}
	place := path
	if d.given(join(path, "url")) {
		place = join(path, "url")
	}
	u, err := url.Parse(p.URL)
	switch {
	case len(p.URL) > maxURL:
		d.at(place, "the address is longer than %d characters", maxURL)
	case err != nil:
		d.at(place, "the address cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		d.at(place, "%q must be an absolute http:// or https:// address", p.String())
	case !isPort(u.Port()):
		d.at(place, "%q: the port must be from 1 to 65535", p.String())
	}
}

// isPort accepts the port of an address, and that there is none.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && n > 0
}

// maxURL is the longest address of a page, in characters.
const maxURL = 2048
