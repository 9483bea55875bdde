//! What is chosen of real packages whose need no field states: for each kind what was found to be missing once, and packages
//! besides that nobody had looked at. Nothing is packed.

#![allow(clippy::unwrap_used)] // a test

mod common;

use mikron_matrix::Explanation;

use common::{builder, spec_of};

/// In the image of the packages with this entrypoint are the first paths, and not the second.
fn chosen(packages: &str, entrypoint: &str, there: &[&str], absent: &[&str]) {
    let dir = tempfile::TempDir::new().unwrap();
    let Some(builder) = builder(&spec_of(packages, entrypoint), dir.path()) else {
        return;
    };
    let explained = builder.explain();
    let explained = explained.unwrap_or_else(|error| panic!("{packages}: {error}"));
    let is_there = |path: &str| {
        let answers = explained.about(path);
        matches!(answers[0].explanation, Explanation::Chosen(_))
    };
    for path in there {
        assert!(is_there(path), "{packages} [{entrypoint}]: no {path}");
    }
    for path in absent {
        assert!(!is_there(path), "{packages} [{entrypoint}]: {path}");
    }
}

const LIB: &str = "/usr/lib/x86_64-linux-gnu";

#[test]
fn code_of_a_dependency_comes_though_the_package_has_a_program_too() {
    let python = |module: &str| format!("/usr/lib/python3/dist-packages/{module}/__init__.py");
    chosen("python3-pandas", "", &[&python("numpy")], &[]);
    chosen("python3-nbformat", "", &[&python("jsonschema")], &[]);
    let build = "/usr/share/perl5/Module/Build.pm";
    chosen("perl, libmodule-build-pluggable-perl", "", &[build], &[]);
}

#[test]
fn a_program_that_a_program_names_comes_of_its_dependencies() {
    let groff = ["/usr/bin/groff", "/usr/bin/tbl", "/usr/bin/preconv"];
    chosen("man-db", "", &groff, &[]);
    let gcc = [
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "/usr/bin/x86_64-linux-gnu-as",
        "/usr/bin/x86_64-linux-gnu-ld.bfd",
    ];
    chosen("gcc", "", &gcc, &[]);
    chosen("gnupg", "", &["/usr/bin/pinentry-curses"], &[]);
    let server = "/usr/sbin/sshd";
    let sftp = "/usr/lib/openssh/sftp-server";
    chosen("openssh-server", server, &[sftp], &[]);
}

#[test]
fn a_file_that_its_own_program_names_by_its_whole_path_comes_of_whatever_class() {
    let help = "/usr/share/doc/ngircd/Commands.txt";
    chosen("ngircd", "/usr/sbin/ngircd", &[help], &[]);
    let defaults = "/etc/default/useradd";
    chosen("passwd", "/usr/sbin/useradd", &[defaults], &[]);
}

#[test]
fn scripts_bring_what_they_start_wherever_they_lie() {
    let started = ["/usr/bin/dash", "/usr/bin/logger", "/usr/sbin/logrotate"];
    chosen("logrotate", "/etc/cron.daily/logrotate", &started, &[]);
    let started = ["/usr/bin/dash", "/usr/bin/find", "/usr/bin/xargs"];
    chosen("man-db", "/etc/cron.daily/man-db", &started, &[]);
    let started = ["/usr/bin/flock", "/usr/bin/date", "/usr/bin/apt-get"];
    chosen("apt", "/usr/lib/apt/apt.systemd.daily", &started, &[]);
}

#[test]
fn scripts_bring_what_they_end_with_failure_without() {
    chosen("makeself", "", &["/usr/bin/gzip", "/usr/bin/tar"], &[]);
    let demanded = ["/usr/bin/openssl", "/usr/bin/hexdump"];
    chosen("testssl.sh", "", &demanded, &[]);
}

#[test]
fn scripts_bring_the_program_by_which_tar_packs() {
    let packs = ["/usr/bin/tar", "/usr/bin/gzip"];
    chosen("sitesummary-client", "", &packs, &[]);
    chosen("checkinstall", "", &packs, &[]);
}

#[test]
fn scripts_bring_what_the_files_run_that_they_read() {
    let started = ["/usr/bin/wget", "/usr/bin/mknod", "/usr/bin/dpkg-deb"];
    chosen("debootstrap", "", &started, &[]);
    let started = ["/usr/bin/id", "/usr/sbin/on_ac_power", "/usr/sbin/hwclock"];
    chosen("pm-utils", "", &started, &[]);
}

#[test]
fn a_compiler_for_a_machine_has_the_tools_of_that_machine() {
    let tools = ["ar", "as", "ld"].map(|tool| format!("/usr/lib/avr/bin/{tool}"));
    chosen("gcc-avr", "", &tools.each_ref().map(String::as_str), &[]);
    chosen(
        "gcc-h8300-hms",
        "",
        &["/usr/bin/h8300-hitachi-coff-as"],
        &[],
    );
}

#[test]
fn what_code_of_r_starts_comes_of_the_packages_that_it_depends_on() {
    chosen("r-cran-fimport", "", &["/usr/bin/R", "/usr/bin/lynx"], &[]);
}

#[test]
fn a_library_finds_those_that_it_loads_by_names_that_it_puts_together() {
    let vendor = format!("{LIB}/libGLX_mesa.so.0");
    chosen("mesa-utils-bin", "", &[&vendor], &[]);
    let simulator = format!("{LIB}/libtss2-tcti-mssim.so.0");
    chosen("tpm2-tools", "", &[&simulator], &[]);
    let token = format!("{LIB}/libsoftokn3.so");
    chosen("libnss3-tools", "", &[&token], &[]);
}

#[test]
fn what_other_packages_put_into_a_directory_is_there_where_its_reader_is() {
    let rotated = "/etc/logrotate.d/nginx";
    chosen("nginx, logrotate", "", &[rotated], &[]);
    chosen("nginx", "", &[], &[rotated]);
}

#[test]
fn modules_that_a_library_loads_by_name_come_with_it() {
    let camera = format!("{LIB}/libgphoto2/2.5.30/ptp2.so");
    chosen("gphoto2", "", &[&camera], &[]);
    let scanner = format!("{LIB}/sane/libsane-net.so.1");
    chosen("sane-utils", "", &[&scanner], &[]);

    // Qt looks through its plugins for the platform that it is asked for.
    let platform = format!("{LIB}/qt5/plugins/platforms/libqoffscreen.so");
    chosen("wkhtmltopdf", "", &[&platform], &[]);
}

#[test]
fn private_libraries_are_found_by_the_run_path_of_the_program() {
    let shared = format!("{LIB}/systemd/libsystemd-shared-252.so");
    chosen("systemd", "", &[&shared], &[]);
    let common = format!("{LIB}/pulseaudio/libpulsecommon-16.1.so");
    chosen("pulseaudio-utils", "", &[&common], &[]);
    let common = format!("{LIB}/samba/libCHARSET3-samba4.so.0");
    chosen("samba-common-bin", "", &[&common], &[]);
}

#[test]
fn directories_of_hooks_stay_with_the_program_that_reads_them() {
    for (packages, path) in [
        ("fail2ban", "/etc/fail2ban/jail.conf"),
        ("apparmor", "/etc/apparmor.d/abstractions/base"),
        ("logcheck", "/etc/logcheck/logcheck.conf"),
        ("isc-dhcp-client", "/etc/dhcp/dhclient.conf"),
        ("udev", "/usr/lib/udev/rules.d/60-serial.rules"),
    ] {
        chosen(packages, "", &[path], &[]);
    }
}

#[test]
fn a_package_without_files_of_its_own_stands_for_those_that_it_depends_on() {
    chosen("perlmagick", "", &["/usr/bin/perl"], &[]);
    let python = ["/usr/bin/python3.11", &format!("{LIB}/libusb-1.0.so.0")];
    chosen("python3-libusb1", "", &python, &[]);
    let convert = format!("{LIB}/gconv/SJIS.so");
    chosen("php-cli", "", &["/usr/bin/php8.2", &convert], &[]);
}

#[test]
fn what_whole_packages_lack_is_a_warning() {
    for (packages, select, lacking) in [
        ("nginx", "full", "/usr/bin/routel"),
        ("nginx", "package", "/usr/bin/routel"),
        ("rsync", "full", "/usr/bin/rrsync"),
        ("iproute2", "full", "/usr/bin/routel"),
    ] {
        let dir = tempfile::TempDir::new().unwrap();
        let spec = format!("{}select: {select}\n", spec_of(packages, ""));
        let Some(builder) = builder(&spec, dir.path()) else {
            return;
        };
        let explained = builder.explain();
        let explained = explained.unwrap_or_else(|error| panic!("{packages}: {error}"));
        let warnings = &explained.overviews()[0].warnings;
        let is_told = warnings.iter().any(|text| text.contains(lacking));
        assert!(is_told, "{packages}: {warnings:?}");
    }
}
