//! The battery's second list: services that have users, directories of state, plugins, includes and scripts of their own.
//!
//! Their specs lie beside the probes, written as a user would, and not among the documents.

mod brokers;
mod databases;
mod dns;
mod documents;
mod files;
mod languages;
mod mail;
mod monitoring;
mod proxies;
mod science;
mod talk;

use std::thread;
use std::time::{Duration, Instant};

use super::{Service, services};

/// The services of the second list, by family.
pub const SECOND: &[Service] = services! { "second/specs/";
    "bind9": dns::bind9,
    "knot": dns::knot,
    "nsd": dns::nsd,
    "pdns": dns::pdns,
    "pdns-recursor": dns::pdns_recursor,
    "dnsdist": dns::dnsdist,
    "postfix": mail::postfix,
    "exim4": mail::exim4,
    "dovecot": mail::dovecot,
    "opensmtpd": mail::opensmtpd,
    "spamassassin": mail::spamassassin,
    "vsftpd": files::vsftpd,
    "proftpd": files::proftpd,
    "tftpd": files::tftpd,
    "samba": files::samba,
    "mercurial": files::mercurial,
    "subversion": files::subversion,
    "radicale": files::radicale,
    "rabbitmq": brokers::rabbitmq,
    "mosquitto": brokers::mosquitto,
    "nats": brokers::nats,
    "beanstalkd": brokers::beanstalkd,
    "slapd": databases::slapd,
    "freeradius": databases::freeradius,
    "pgbouncer": databases::pgbouncer,
    "firebird": databases::firebird,
    "tarantool": databases::tarantool,
    "etcd": databases::etcd,
    "influxdb": databases::influxdb,
    "privoxy": proxies::privoxy,
    "tinyproxy": proxies::tinyproxy,
    "varnish": proxies::varnish,
    "stunnel": proxies::stunnel,
    "dante": proxies::dante,
    "openvpn": proxies::openvpn,
    "strongswan-pki": proxies::strongswan_pki,
    "tinc": proxies::tinc,
    "coturn": proxies::coturn,
    "prometheus": monitoring::prometheus,
    "node-exporter": monitoring::node_exporter,
    "snmpd": monitoring::snmpd,
    "monit": monitoring::monit,
    "collectd": monitoring::collectd,
    "munin-node": monitoring::munin_node,
    "monitoring-plugins": monitoring::monitoring_plugins,
    "rsyslog": monitoring::rsyslog,
    "chrony": monitoring::chrony,
    "supervisor": monitoring::supervisor,
    "cups": documents::cups,
    "ghostscript": documents::ghostscript,
    "pandoc": documents::pandoc,
    "wkhtmltopdf": documents::wkhtmltopdf,
    "weasyprint": documents::weasyprint,
    "poppler": documents::poppler,
    "graphviz": documents::graphviz,
    "scipy": science::scipy,
    "matplotlib": science::matplotlib,
    "sklearn": science::sklearn,
    "r": science::r,
    "erlang": languages::erlang,
    "lua": languages::lua,
    "guile": languages::guile,
    "tcl": languages::tcl,
    "ocaml": languages::ocaml,
    "uwsgi": languages::uwsgi,
    "gunicorn": languages::gunicorn,
    "puma": languages::puma,
    "icecast": talk::icecast,
    "prosody": talk::prosody,
    "ngircd": talk::ngircd,
    "znc": talk::znc,
    "mumble": talk::mumble,
    "kamailio": talk::kamailio,
};

/// Asks again and again until there is an answer; `None` when there is none within half a minute.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() > end {
            return answer;
        }
        thread::sleep(Duration::from_millis(200));
    }
}
