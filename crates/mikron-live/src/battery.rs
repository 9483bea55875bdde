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
mod second;
mod size;
mod stage;
mod tools;
mod web;

pub use installation::Installation;
pub(crate) use installation::make_at_boot;
pub use peer::TlsPeer;
pub use second::SECOND;
pub use size::{PackageSize, PackageSizes};
pub use stage::Stage;

/// One service of the battery.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What it is called, and its spec.
    pub name: &'static str,
    /// The text of its spec.
    pub spec: &'static str,
    /// Does its work, and panics where something is wrong.
    pub probe: fn(&Stage),
}

/// Services by name, whose specs are called so in a directory.
macro_rules! services {
    ($dir:literal; $($name:literal: $probe:path,)+) => {
        &[$($crate::battery::Service {
            name: $name,
            spec: include_str!(concat!($dir, $name, ".yaml")),
            probe: $probe,
        }),+]
    };
}
use services;

/// The services of `docs/examples`, in order of name.
pub const SERVICES: &[Service] = services! { "../../../docs/examples/";
    "apache2": web::apache2,
    "bash": tools::bash,
    "busybox": tools::busybox,
    "caddy": web::caddy,
    "curl": network::curl,
    "dnsmasq": network::dnsmasq,
    "ffmpeg": media::ffmpeg,
    "git": network::git,
    "haproxy": web::haproxy,
    "imagemagick": media::imagemagick,
    "lighttpd": web::lighttpd,
    "mariadb": databases::mariadb,
    "memcached": databases::memcached,
    "nano": tools::nano,
    "nginx": web::nginx,
    "nodejs": languages::nodejs,
    "openjdk": languages::openjdk,
    "openssh": network::openssh,
    "perl": languages::perl,
    "php-fpm": languages::php,
    "postgresql": databases::postgresql,
    "python3": languages::python,
    "redis": databases::redis,
    "ripgrep": tools::ripgrep,
    "rsync": network::rsync,
    "ruby": languages::ruby,
    "sqlite3": databases::sqlite,
    "squid": web::squid,
    "tor": network::tor,
    "unbound": network::unbound,
    "wireguard": network::wireguard,
};

/// The service of this name, of either list.
///
/// # Panics
/// When there is none.
pub fn service(name: &str) -> Service {
    let found = SERVICES
        .iter()
        .chain(SECOND)
        .find(|service| service.name == name);
    *found.unwrap_or_else(|| panic!("the battery has no service `{name}`"))
}
