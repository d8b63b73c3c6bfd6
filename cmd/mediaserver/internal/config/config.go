package config

import (
	"net/netip"
	"time"
)

// Config is the whole configuration. Load fills it; Default is what holds
// without a file.
type Config struct {
	SIP                  SIP            `yaml:"sip"`
	RTP                  RTP            `yaml:"rtp"`
	HTTP                 HTTP           `yaml:"http"`
	Media                Media          `yaml:"media"`
	TTS                  TTS            `yaml:"tts"`
	Pages                Pages          `yaml:"pages"`
	Conference           Conference     `yaml:"conference"`
	Admission            Admission      `yaml:"admission"`
	WebSocket            WebSocket      `yaml:"websocket"`
	Services             []Service      `yaml:"services"`
	Store                Store          `yaml:"store"`
	Events               Events         `yaml:"events"`
	Records              Records        `yaml:"records"`
	Cluster              map[string]any `yaml:"cluster" later:"clusters"`
	Log                  Log            `yaml:"log"`
	ShutdownGraceSeconds int            `yaml:"shutdown_grace_seconds" range:"0..86400"`

	// Path is the file the configuration was read from, "" for none.
	Path string `yaml:"-"`
	// Demo is true when neither a file nor the environment names services:
	// the embedded demo application then answers sip:demo@….
	Demo bool `yaml:"-"`

	places map[string]Place `yaml:"-"` // where each value was written
}

// SIP is the signalling side.
type SIP struct {
	Listen       []string       `yaml:"listen"`
	Advertise    string         `yaml:"advertise"`
	TLS          TLS            `yaml:"tls"`
	Trunks       []Trunk        `yaml:"trunks"`
	DefaultTrunk string         `yaml:"default_trunk"`
	Allow        []netip.Prefix `yaml:"allow"`
	Defence      Defence        `yaml:"defence"`
	Phones       []Phone        `yaml:"phones"`
	Registrar    Registrar      `yaml:"registrar"`

	SessionExpiresSeconds    int      `yaml:"session_expires_seconds" range:"0..86400"`
	MinSessionExpiresSeconds int      `yaml:"min_session_expires_seconds" range:"90..86400"`
	ReliableProvisional      string   `yaml:"reliable_provisional" enum:"off|supported|required"`
	FollowRedirects          bool     `yaml:"follow_redirects"`
	RedirectHosts            []string `yaml:"redirect_hosts"`

	WebSocketOrigins []string `yaml:"websocket_origins"`
	DNS              []string `yaml:"dns"`
	KeepAliveSeconds int      `yaml:"keep_alive_seconds" range:"0..3600"`
}

// RTP is the media side of calls.
type RTP struct {
	Advertise      string   `yaml:"advertise"`
	PortMin        int      `yaml:"port_min" range:"1024..65534"`
	PortMax        int      `yaml:"port_max" range:"1025..65535"`
	Codecs         []string `yaml:"codecs"`
	IO             string   `yaml:"io" enum:"sockets|shared"`
	SharedPorts    int      `yaml:"shared_ports" range:"1..1024"`
	Jitter         Jitter   `yaml:"jitter"`
	TimeoutSeconds int      `yaml:"timeout_seconds" range:"0..86400"`
	Source         string   `yaml:"source" enum:"lenient|strict"`
	RTCPMux        bool     `yaml:"rtcp_mux"`
}

// Jitter bounds the delay of the jitter buffer.
type Jitter struct {
	MinMS int `yaml:"min_ms" range:"20..200"`
	MaxMS int `yaml:"max_ms" range:"20..200"`
}

// HTTP is the server of the web services, the metrics and the health checks.
type HTTP struct {
	Listen          string  `yaml:"listen"`
	TLS             HTTPTLS `yaml:"tls"`
	Users           []User  `yaml:"users"`
	PprofListen     string  `yaml:"pprof_listen"`
	PprofAnyAddress bool    `yaml:"pprof_any_address"`
}

// HTTPTLS is the certificate of the HTTP listener; without one it speaks
// plain HTTP.
type HTTPTLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// On says whether the listener speaks TLS.
func (t HTTPTLS) On() bool { return t.CertFile != "" }

// User may log in to the web services with a password or an API key.
type User struct {
	Name         string `yaml:"name"`
	Password     Secret `yaml:"password" secret:"true"`
	PasswordFile string `yaml:"password_file"`
	APIKey       Secret `yaml:"api_key" secret:"true"`
	APIKeyFile   string `yaml:"api_key_file"`
	Role         string `yaml:"role" enum:"read|operate|admin"`
}

// setDefaults fills what holds for a user that says nothing.
func (u *User) setDefaults() { *u = User{Role: "admin"} }

// Media says where audio files and the logs of applications are kept.
type Media struct {
	Directory    string `yaml:"directory"`
	LogDirectory string `yaml:"log_directory"`
	// RecordingRetentionDays is after how many days recordings are deleted.
	RecordingRetentionDays int `yaml:"recording_retention_days" range:"0..36500"`
	// Realtime has the server run before all other programs of the machine.
	Realtime bool `yaml:"realtime"`
}

// Pages says how web applications are asked.
type Pages struct {
	TimeoutSeconds int `yaml:"timeout_seconds" range:"1..600"`
}

// Timeout is the longest a page may take.
func (p Pages) Timeout() time.Duration { return time.Duration(p.TimeoutSeconds) * time.Second }

// WebSocket is about calls to wss:// addresses.
type WebSocket struct {
	// CAFile holds certificates (PEM) that are trusted beside those of the
	// system.
	CAFile string `yaml:"ca_file"`
}

// Conference is about rooms.
type Conference struct {
	MaxParticipants int           `yaml:"max_participants" range:"0..1000000"`
	MixedTalkers    int           `yaml:"mixed_talkers" range:"1..1000"`
	DirectDial      bool          `yaml:"direct_dial"`
	Destinations    []Destination `yaml:"destinations"`
}

// Admission says when new calls are refused.
type Admission struct {
	// MaxLoadPercent is the share of the media workers' time up to which calls
	// are taken; 0: it does not count.
	MaxLoadPercent int `yaml:"max_load_percent" range:"0..100"`
	// MaxCalls at a time; 0: unlimited.
	MaxCalls int `yaml:"max_calls" range:"0..1000000"`
}

// Destination sends the rooms whose name matches to a focus elsewhere.
type Destination struct {
	Match   string `yaml:"match"`
	Address string `yaml:"address"`
}

// Log is the process log.
type Log struct {
	Level  string `yaml:"level" enum:"debug|info|warn|error"`
	Format string `yaml:"format" enum:"text|json"`
}

// ShutdownGrace is how long running calls may go on after the first signal.
func (c *Config) ShutdownGrace() time.Duration {
	return time.Duration(c.ShutdownGraceSeconds) * time.Second
}

// Default is the configuration that holds when nothing is said.
func Default() *Config {
	return &Config{
		SIP: SIP{
			Listen: []string{"udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"},
			Trunks: []Trunk{},
			Allow:  []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
			Phones: []Phone{}, Registrar: defaultRegistrar(),
			Defence: defaultDefence(),

			MinSessionExpiresSeconds: 90, ReliableProvisional: "supported", FollowRedirects: true, RedirectHosts: []string{},

			TLS: TLS{ClientCertificates: "none"}, WebSocketOrigins: []string{}, DNS: []string{},
		},
		RTP: RTP{
			PortMin: 20000, PortMax: 39999,
			Codecs: []string{"opus", "g722", "pcmu", "pcma"},
			IO:     "sockets", SharedPorts: 4,
			Jitter:         Jitter{MinMS: 20, MaxMS: 200},
			TimeoutSeconds: 60,
			Source:         "lenient",
		},
		HTTP:                 HTTP{Listen: "127.0.0.1:8080", Users: []User{}},
		Media:                Media{Directory: "./data/media", LogDirectory: "./data/rest_logs", Realtime: true},
		TTS:                  TTS{Engine: SpeechAuto, Voices: []VoiceSelector{}, Fallback: true, TimeoutSeconds: 10, CacheMegabytes: 256, Engines: []SpeechEngine{}},
		Pages:                Pages{TimeoutSeconds: 10},
		Conference:           Conference{MaxParticipants: 1000, MixedTalkers: 32, Destinations: []Destination{}},
		Admission:            Admission{MaxLoadPercent: 50},
		Services:             []Service{},
		Store:                Store{Directory: DefaultStoreDirectory, Sync: true},
		Events:               Events{RetentionDays: 30, MaxEvents: 1_000_000, Digits: "masked", MaxStreams: 100, ClientBuffer: 4096, Webhooks: []Webhook{}},
		Records:              Records{Directory: "./data/records", RetentionDays: 90},
		Cluster:              map[string]any{},
		Log:                  Log{Level: "info", Format: "text"},
		ShutdownGraceSeconds: 30,
	}
}

// Timeout is how long a call may be without RTP; 0 is for ever.
func (r RTP) Timeout() time.Duration { return time.Duration(r.TimeoutSeconds) * time.Second }
