//! What a good spec means.

mod common;

use common::{good, parse};
use mikron_package::{Architecture, Family, Limits, Platform, Requirement};
use mikron_spec::{
    Allow, Compression, FileContent, Kind, Layers, LockedPlatform, PackageRequest, Place,
    Principal, Select, Spec, Strategy, VersionRange,
};

/// The spec of the reference, every key of it.
const WHOLE: &str = r#"
mikron: 1
name: nginx
kind: runtime
sources:
  debian: { deb: bookworm, mirrors: { debian: "https://deb.example.org/debian" } }
  vendor:
    deb: https://packages.example.org/debian
    suite: stable
    components: [main, extra]
    keys: [keys/vendor.asc]
    priority: 600
    allow: [expired]
  flat: { deb: "file:repo", suite: ./, allow: [unsigned, rolled-back, mixed] }
  el: { rpm: "https://packages.example.org/el9/x86_64", keys: [keys/el.asc] }
  alpine: { apk: "https://packages.example.org/v3.20/main", keys: [keys/alpine.pub] }
packages:
  - nginx
  - ca-certificates:bundle
  - { name: tzdata, source: debian, version: ">= 2024a, << 2030", capabilities: [data], select: package }
select: minimal
files:
  - { path: /etc/nginx/nginx.conf, from: nginx.conf }
  - { path: /run/nginx, type: directory, owner: nginx, group: 33, mode: "0755" }
  - { path: /etc/motd, text: "hello\n" }
  - { path: /var/log/nginx.log, type: symlink, target: /dev/stdout }
remove: ["/usr/share/doc/**"]
accounts:
  users: [{ name: nginx, uid: 101, gid: 102, home: /nonexistent, shell: /bin/false, comment: Web }]
  groups: [{ name: web, gid: 102, members: [nginx] }]
run-as: nginx:web
image:
  entrypoint: [/usr/sbin/nginx, -g, "daemon off;"]
  cmd: [-q]
  env: { TZ: UTC }
  workdir: /srv
  ports: [80/tcp, 443, 53/udp]
  volumes: [/var/cache/nginx]
  labels: { a: b }
  annotations: { c: d }
  stop-signal: SIGQUIT
platforms: [linux/amd64, linux/arm64, linux/arm/v7]
layers: { strategy: single, limit: 12, compression: "gzip:6" }
"#;

#[test]
fn every_key_of_the_reference_is_read() {
    let spec = parse(WHOLE).unwrap_or_else(|error| panic!("{error}"));
    let vendor = &spec.sources["vendor"];
    assert_eq!(
        vendor.place,
        Place::Url("https://packages.example.org/debian".into())
    );
    assert_eq!(vendor.components, ["main", "extra"]);
    assert_eq!(vendor.priority, Some(600));
    assert!(vendor.allow.contains(&Allow::Expired));
    assert_eq!(
        spec.sources["debian"].place,
        Place::Preset("bookworm".into())
    );
    assert_eq!(spec.sources["el"].family, Family::RPM);
    assert_eq!(spec.sources["alpine"].family, Family::APK);
    assert_eq!(spec.packages[1].capabilities, ["bundle"]);
    assert_eq!(spec.selection_of(&spec.packages[2]), Select::Package);
    assert_eq!(
        spec.packages[2].to_string(),
        "tzdata:data (>= 2024a, << 2030) from debian select package",
    );
    assert_eq!(
        spec.files[0].content,
        FileContent::From("nginx.conf".into())
    );
    assert_eq!(spec.files[1].owner, Some(Principal::Name("nginx".into())));
    assert_eq!(
        spec.files[3].content,
        FileContent::Symlink("/dev/stdout".into())
    );
    assert_eq!(spec.accounts.users[0].primary_group().get(), 102);
    assert_eq!(
        spec.run_as.as_ref().map(ToString::to_string).as_deref(),
        Some("nginx:web")
    );
    assert_eq!(spec.image.ports[1].to_string(), "443/tcp");
    assert_eq!(spec.image.workdir.to_string(), "/srv");
    assert_eq!(spec.platforms[2], Platform::linux(Architecture::ArmV7));
    let layers = Layers {
        strategy: Strategy::Single,
        limit: 12,
        compression: Compression::Gzip(6),
    };
    assert_eq!(spec.layers, layers);
}

#[test]
fn a_whole_spec_survives_the_way_through_yaml() {
    let spec = parse(WHOLE).expect("a good spec");
    let yaml = spec.to_yaml();
    assert_eq!(
        parse(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}")),
        spec
    );
}

#[test]
fn what_is_not_said_has_a_default() {
    let spec = good("packages: [hello]\n");
    assert_eq!(spec.kind, Kind::Runtime);
    assert_eq!(spec.selection(), Select::Minimal);
    assert_eq!(spec.platforms, [Platform::linux(Architecture::Amd64)]);
    assert_eq!(spec.layers, Layers::default());
    assert_eq!(spec.layers.compression, Compression::Zstd(19));
    assert!(spec.image.workdir.is_root());
    assert_eq!(good("kind: build\n").selection(), Select::Full);
    assert_eq!(
        good("kind: build\nselect: package\n").selection(),
        Select::Package
    );
    let user = &good("accounts: { users: [{ name: a, uid: 5 }] }\n")
        .accounts
        .users[0];
    assert_eq!(user.home.to_string(), "/nonexistent");
    assert_eq!(user.shell.to_string(), "/usr/sbin/nologin");
    assert_eq!(user.primary_group().get(), 5);
    let deb =
        "mikron: 1\nname: a\nsources: { a: { deb: https://example.org, suite: s, keys: [k] } }\n";
    assert_eq!(
        parse(deb).expect("a good spec").sources["a"].components,
        ["main"]
    );
}

#[test]
fn a_request_becomes_what_a_solver_takes() {
    let requirement = |text: &str| {
        let request: PackageRequest = text.parse().expect("a request");
        request.requirement()
    };
    assert_eq!(requirement("libc6:libs").to_string(), "libc6");
    let mut request: PackageRequest = "a".parse().expect("a request");
    let range: VersionRange = "1.2".parse().expect("a range");
    request.version = Some(range);
    assert_eq!(request.requirement().to_string(), "a (= 1.2)");
    request.version = Some(">= 1, << 2".parse().expect("a range"));
    assert!(matches!(request.requirement(), Requirement::All(all) if all.len() == 2));
    assert_eq!(request.requirement().to_string(), "a (>= 1), a (<< 2)");
}

#[test]
fn a_name_is_a_slice_only_where_slices_are_defined_and_the_package_can_be_debians() {
    let all = |head: &str, packages: &str| {
        let text = format!("mikron: 1\nname: a\n{head}packages: [{packages}]\n");
        let spec = Spec::parse("a.yaml", &text, &Limits::default());
        let spec = spec.unwrap_or_else(|error| panic!("{error}"));
        // What is locked is read back as the same requests.
        let mut lock = mikron_spec::Lock::new(&spec);
        lock.platforms
            .insert(spec.platforms[0], LockedPlatform::default());
        let read = mikron_spec::Lock::parse("a.lock", &lock.to_yaml(), &Limits::default());
        assert_eq!(read.map(|lock| lock.check(&spec)), Ok(Ok(())), "{text}");
        let one = |request: &PackageRequest| (request.name.to_string(), request.slices.concat());
        spec.packages.iter().map(one).collect::<Vec<_>>()
    };
    let is = |name: &str, slice: &str| vec![(name.to_owned(), slice.to_owned())];
    let rpm = "sources: { r: { rpm: \"https://example.org/\", allow: [unsigned] } }\n";
    let apk = "sources: { r: { apk: \"https://example.org/\", allow: [unsigned] } }\n";
    let deb = "sources: { d: { deb: bookworm } }\n";
    let both = "sources: { d: { deb: bookworm }, r: { rpm: \"https://example.org/\", allow: [unsigned] } }\n";
    let chisel = "definitions: [{ chisel: c }]\n";
    for name in [
        "mod_ssl",
        "py3-a_b",
        "Foo_Bar",
        "_x",
        "a__b",
        "x_1.2",
        "SDL2_image",
    ] {
        assert_eq!(all(rpm, name), is(name, ""));
        assert_eq!(all(apk, name), is(name, ""));
        assert_eq!(all(&format!("{chisel}{rpm}"), name), is(name, ""));
        assert_eq!(all(both, name), is(name, ""));
    }
    assert_eq!(all(rpm, "\"mod_ssl:bins\""), is("mod_ssl", ""));
    assert_eq!(
        all(&format!("{chisel}{deb}"), "nginx_bins"),
        is("nginx", "bins")
    );
    assert_eq!(
        all(&format!("{chisel}{both}"), "nginx_bins"),
        is("nginx", "bins")
    );
    assert_eq!(
        all(&format!("{chisel}{both}"), "{ name: mod_ssl, source: r }"),
        is("mod_ssl", "")
    );
}

#[test]
fn a_slice_is_written_as_it_was_read_and_its_package_is_what_a_solver_takes() {
    let spec = good(
        "definitions: [{ chisel: c }]\npackages: [nginx_bins, { name: libc6, version: \">= 2\", slices: [libs, config] }]\n",
    );
    let [short, long] = &spec.packages[..] else {
        panic!("two requests")
    };
    assert_eq!(short.slices, ["bins"]);
    assert_eq!(short.to_string(), "nginx_bins");
    assert_eq!(short.requirement().to_string(), "nginx");
    assert_eq!(long.slices, ["libs", "config"]);
    assert!(
        spec.to_yaml().contains("- nginx_bins\n"),
        "{}",
        spec.to_yaml()
    );
    assert_eq!(parse(&spec.to_yaml()).expect("what was written"), spec);
}

#[test]
fn a_lock_does_not_fit_when_another_slice_is_asked_for() {
    let head = "definitions: [{ chisel: c }]\n";
    let spec = good(&format!("{head}packages: [nginx_bins]\n"));
    let lock = mikron_spec::Lock::new(&spec);
    let other = good(&format!("{head}packages: [nginx_config]\n"));
    let stale = lock.check(&other).unwrap_err();
    assert!(
        stale
            .to_string()
            .contains("`nginx_bins` became `nginx_config`"),
        "{stale}"
    );
}

#[test]
fn rules_are_a_list_of_files_or_none_at_all() {
    let with = |rules: &str| parse(&format!("mikron: 1\nname: x\n{rules}\n"));
    let none = with("rules: none").unwrap();
    assert!(none.has_no_rules());
    assert_eq!(parse(&none.to_yaml()).unwrap(), none);
    let list = with("rules: [my.yaml, 1.10]").unwrap();
    assert_eq!(
        (list.rules.len(), &*list.rules[1], list.has_no_rules()),
        (2, "1.10", false)
    );
    assert!(!with("").unwrap().has_no_rules());
    for (wrong, why) in [
        ("rules: all", "none"),
        ("rules: { none: true }", "none"),
        (
            "rules: none\nwithout: [terminfo]",
            "switches all of them off",
        ),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}

#[test]
fn a_spec_made_by_a_program_is_checked_by_the_same_rules() {
    let mut spec = Spec::new("made");
    assert!(spec.validate().is_ok());
    spec.packages.push("nginx".parse().expect("a request"));
    let error = spec.validate().unwrap_err();
    assert_eq!((error.at.line, error.at.column), (0, 0));
    assert_eq!(
        error.message(),
        "there are packages and no source to take them from"
    );
    assert!(Spec::new("../x").validate().is_err());
}

#[test]
fn names_that_packages_may_bring_are_left_to_them() {
    good("packages: [redis-server]\nrun-as: redis\n");
    good("run-as: www-data:adm\n");
    good("run-as: nonroot\nfiles: [{ path: /a, text: b, owner: nobody, group: nogroup }]\n");
    good("accounts: { users: [{ name: web, uid: 5 }] }\nrun-as: web:web\n");
}

#[test]
fn merge_keys_and_anchors_are_plain_yaml() {
    let spec =
        good("files:\n  - &a { path: /a, type: directory, owner: 5 }\n  - { <<: *a, path: /b }\n");
    assert_eq!(spec.files[1].path.to_string(), "/b");
    assert_eq!(spec.files[1].owner, spec.files[0].owner);
}

#[test]
fn the_resolution_digest_depends_on_what_is_resolved_and_on_nothing_else() {
    let digest = |rest: &str| good(rest).resolution_digest();
    let base = digest("packages: [a, b]\nplatforms: [linux/amd64, linux/arm64]\n");
    for same in [
        "packages: [b, a]\nplatforms: [linux/arm64, linux/amd64]\n",
        "platforms:\n  - linux/amd64\n  - linux/arm64\npackages:\n  - { name: a }\n  - b\n",
        "packages: [a, b]\nplatforms: [linux/amd64, linux/arm64]\nrun-as: 5\nselect: minimal\n",
        "packages: [a, b]\nplatforms: [linux/amd64, linux/arm64]\nlayers: { limit: 3 }\n",
    ] {
        assert_eq!(digest(same), base, "{same}");
    }
    for other in [
        "packages: [a]\nplatforms: [linux/amd64, linux/arm64]\n",
        "packages: [a, b]\n",
        "packages: [a, b]\nplatforms: [linux/amd64, linux/arm64]\nselect: full\n",
        "packages: [a, { name: b, version: 1 }]\nplatforms: [linux/amd64, linux/arm64]\n",
        "packages: [a, b:data]\nplatforms: [linux/amd64, linux/arm64]\n",
    ] {
        assert_ne!(digest(other), base, "{other}");
    }
}
