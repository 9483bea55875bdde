//! What a container engine is told about the image.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mikron_package::RootPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{self, ValueError, scalar, shown};

/// The image's configuration (OCI image-spec, config).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ImageSpec {
    /// The command and its first arguments, one word an item; no shell is involved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments behind the entrypoint that a user may replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Environment variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text_map")]
    pub env: BTreeMap<String, String>,
    /// The working directory; `/` if not given.
    #[serde(with = "text::absolute", skip_serializing_if = "RootPath::is_root")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    pub workdir: RootPath,
    /// Ports that the process listens on, for information.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Directories that an engine puts volumes on.
    #[serde(with = "text::absolutes", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub volumes: Vec<RootPath>,
    /// Labels of the config.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text_map")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest and the index.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text_map")]
    pub annotations: BTreeMap<String, String>,
    /// The signal that asks the process to end; the engine's default is SIGTERM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<Signal>,
}

/// Values of these maps are text as written, so that numbers and words without quotes will do.
fn text_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

/// A port and its protocol: `80/tcp`; without a protocol `tcp` (OCI image-spec, config, "ExposedPorts").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The number, 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

impl FromStr for Port {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "sctp" => Some(Protocol::Sctp),
            _ => None,
        };
        let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse::<u16>().ok().filter(|_| plain);
        match (number, protocol) {
            (Some(number), Some(protocol)) => Ok(Self { number, protocol }),
            _ => Err(ValueError::new(
                format!("`{}` is not a port", shown(text)),
                "write a number from 1 to 65535, with `/tcp`, `/udp` or `/sctp` behind it",
            )),
        }
    }
}

scalar!(Port, "a port, as in `80/tcp`", {
    "description": "A port number, with `/tcp` (the default), `/udp` or `/sctp` behind it",
    "type": ["string", "integer"], "pattern": "^[1-9][0-9]{0,4}(/(tcp|udp|sctp))?$",
    "minimum": 1, "maximum": 65535,
});

/// A signal by name (`SIGQUIT`) or number (signal(7)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(String);

/// The signals of signal(7) that Linux has on every architecture.
const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

impl Signal {
    /// The signal as the image's config has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Signal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let number = text.parse::<u8>().ok();
        let real_time = text
            .strip_prefix("SIGRTMIN+")
            .or_else(|| text.strip_prefix("SIGRTMAX-"))
            .and_then(|offset| offset.parse::<u8>().ok())
            .is_some_and(|offset| offset <= 30);
        if SIGNALS.contains(&text)
            || real_time
            || text == "SIGRTMIN"
            || text == "SIGRTMAX"
            || number.is_some_and(|n| (1..=64).contains(&n))
        {
            return Ok(Self(text.to_owned()));
        }
        let upper = text.to_uppercase();
        let full = format!("SIG{}", upper.trim_start_matches("SIG"));
        let help = match mikron_yaml::nearest(&full, SIGNALS) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write a name such as `SIGTERM`, or a number from 1 to 64".to_owned(),
        };
        Err(ValueError::new(
            format!("`{}` is not a signal", shown(text)),
            help,
        ))
    }
}

scalar!(Signal, "a signal, as in `SIGTERM`", {
    "description": "A signal by name (`SIGQUIT`) or number",
    "type": ["string", "integer"],
});
