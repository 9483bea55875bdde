//! The battery: services as the example specs describe them, and for each the work that shows that it does its job.
//!
//! A probe does real work (serves and fetches over TLS, makes a database and dumps it, clones, encodes), for images that
//! merely start prove little: what is missing often shows as wrong bytes, as no certificates, or when a thread ends. Probes
//! run in images and in full installations alike, so that the same work can be compared.

mod databases;
mod fastcgi;
mod installation;
mod languages;
mod media;
mod network;
mod peer;
mod size;
mod stage;
mod tools;
mod web;

pub use installation::Installation;
pub(crate) use installation::make_at_boot;
pub use peer::TlsPeer;
pub use size::{PackageSize, PackageSizes};
pub use stage::Stage;

/// One service of the battery.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The name of its spec: `docs/examples/NAME.yaml`.
    pub name: &'static str,
    /// Does its work, and panics where something is wrong.
    pub probe: fn(&Stage),
}

/// All services, in order of name.
pub const SERVICES: &[Service] = &[
    Service {
        name: "apache2",
        probe: web::apache2,
    },
    Service {
        name: "bash",
        probe: tools::bash,
    },
    Service {
        name: "busybox",
        probe: tools::busybox,
    },
    Service {
        name: "caddy",
        probe: web::caddy,
    },
    Service {
        name: "curl",
        probe: network::curl,
    },
    Service {
        name: "dnsmasq",
        probe: network::dnsmasq,
    },
    Service {
        name: "ffmpeg",
        probe: media::ffmpeg,
    },
    Service {
        name: "git",
        probe: network::git,
    },
    Service {
        name: "haproxy",
        probe: web::haproxy,
    },
    Service {
        name: "imagemagick",
        probe: media::imagemagick,
    },
    Service {
        name: "lighttpd",
        probe: web::lighttpd,
    },
    Service {
        name: "mariadb",
        probe: databases::mariadb,
    },
    Service {
        name: "memcached",
        probe: databases::memcached,
    },
    Service {
        name: "nano",
        probe: tools::nano,
    },
    Service {
        name: "nginx",
        probe: web::nginx,
    },
    Service {
        name: "nodejs",
        probe: languages::nodejs,
    },
    Service {
        name: "openjdk",
        probe: languages::openjdk,
    },
    Service {
        name: "openssh",
        probe: network::openssh,
    },
    Service {
        name: "perl",
        probe: languages::perl,
    },
    Service {
        name: "php-fpm",
        probe: languages::php,
    },
    Service {
        name: "postgresql",
        probe: databases::postgresql,
    },
    Service {
        name: "python3",
        probe: languages::python,
    },
    Service {
        name: "redis",
        probe: databases::redis,
    },
    Service {
        name: "ripgrep",
        probe: tools::ripgrep,
    },
    Service {
        name: "rsync",
        probe: network::rsync,
    },
    Service {
        name: "ruby",
        probe: languages::ruby,
    },
    Service {
        name: "sqlite3",
        probe: databases::sqlite,
    },
    Service {
        name: "squid",
        probe: web::squid,
    },
    Service {
        name: "tor",
        probe: network::tor,
    },
    Service {
        name: "unbound",
        probe: network::unbound,
    },
    Service {
        name: "wireguard",
        probe: network::wireguard,
    },
];

/// The service of this name.
///
/// # Panics
/// When there is none.
pub fn service(name: &str) -> Service {
    let found = SERVICES.iter().find(|service| service.name == name);
    *found.unwrap_or_else(|| panic!("the battery has no service `{name}`"))
}
