//! The battery: every example spec of a service is built, started under a container runtime, and does real work; and so does a
//! sample of the second list, of which `--example battery -- second` has all.

mod common;

use common::{extract_spec, quick};
use mikron::spec::Spec;
use mikron_live::battery::{SECOND, Stage, service};

/// Builds the spec of this name, and has its image do its work.
fn does_its_work(name: &str) {
    let service = service(name);
    let Some(bundle) = extract_spec(&quick(service.spec)) else {
        return;
    };
    (service.probe)(&Stage::new(bundle));
}

/// One test a service: its name says what the image does.
macro_rules! battery {
    ($($test:ident: $service:literal,)+) => {
        $(#[test]
        fn $test() {
            does_its_work($service);
        })+

        #[test]
        fn every_service_of_the_battery_has_a_test() {
            let tested = [$($service),+];
            let names: Vec<&str> = mikron_live::battery::SERVICES.iter().map(|s| s.name).collect();
            assert_eq!(tested.as_slice(), names);
        }
    };
}

battery! {
    apache2_serves_over_tls_and_stops_gracefully: "apache2",
    bash_counts_characters_and_runs_pipelines: "bash",
    busybox_is_a_shell_a_server_and_a_client: "busybox",
    caddy_serves_files_and_makes_its_own_certificates: "caddy",
    curl_fetches_over_tls_from_those_it_trusts: "curl",
    dnsmasq_answers_for_its_zone: "dnsmasq",
    ffmpeg_encodes_a_film_with_text_in_it: "ffmpeg",
    git_commits_clones_over_tls_and_converts_encodings: "git",
    haproxy_answers_over_tls_and_ends_its_threads: "haproxy",
    imagemagick_draws_text_in_many_formats: "imagemagick",
    lighttpd_serves_compressed_pages: "lighttpd",
    mariadb_makes_a_database_queries_and_dumps_it: "mariadb",
    memcached_keeps_values: "memcached",
    nano_edits_a_file_in_a_terminal: "nano",
    nginx_serves_over_tls_with_thread_pools: "nginx",
    nodejs_serves_and_fetches_and_knows_languages: "nodejs",
    java_trusts_draws_text_and_knows_time_zones: "openjdk",
    ssh_runs_commands_and_copies_files: "openssh",
    perl_knows_unicode_modules_and_threads: "perl",
    php_answers_fastcgi_and_has_its_extensions: "php-fpm",
    postgresql_makes_a_database_queries_and_dumps_it: "postgresql",
    python_imports_its_library_and_fetches_over_tls: "python3",
    redis_saves_and_reads_again: "redis",
    ripgrep_finds_text_in_utf_16: "ripgrep",
    rsync_serves_and_copies: "rsync",
    ruby_requires_its_library_and_fetches_over_tls: "ruby",
    sqlite_queries_searches_and_dumps: "sqlite3",
    squid_explains_its_errors: "squid",
    tor_offers_socks: "tor",
    unbound_answers_for_its_zone: "unbound",
    wireguard_makes_keys: "wireguard",
}

#[test]
fn nsd_answers_for_its_zone() {
    does_its_work("nsd");
}

#[test]
fn tftpd_gives_a_file() {
    does_its_work("tftpd");
}

#[test]
fn beanstalkd_passes_a_job() {
    does_its_work("beanstalkd");
}

#[test]
fn lua_answers_with_json() {
    does_its_work("lua");
}

#[test]
fn specs_of_the_second_list_are_called_like_their_services() {
    for service in SECOND {
        let limits = mikron::package::Limits::default();
        let spec = Spec::parse(service.name, service.spec, &limits);
        let spec = spec.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(spec.name, service.name);
        assert!(!spec.packages.is_empty());
    }
}
