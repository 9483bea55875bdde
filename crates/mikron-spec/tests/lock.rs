//! What a lock says, and when it is stale.

#[path = "common/locks.rs"]
mod locks;

use locks::{amd64, lock, package, read, spec, time};
use mikron_package::Limits;
use mikron_spec::{
    Change, Lock, LockedPlatform, PackageChange, PackageRequest, Role, Select, Source,
};

fn sorted(mut lock: Lock) -> Lock {
    for source in lock.sources.values_mut() {
        source.suites.sort_by(|a, b| a.suite.cmp(&b.suite));
        for suite in &mut source.suites {
            suite.indexes.sort();
        }
    }
    for platform in lock.platforms.values_mut() {
        platform.packages.sort_by(|a, b| a.name.cmp(&b.name));
    }
    lock
}

#[test]
fn a_lock_is_read_back_as_it_was_written() {
    let text = lock().to_yaml();
    let again = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, sorted(lock()));
    assert_eq!(again.to_yaml(), text);
}

#[test]
fn the_text_of_a_lock_never_changes_by_itself() {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("lock", lock().to_yaml());
    });
}

#[test]
fn the_order_in_which_a_lock_is_filled_leaves_no_trace() {
    let mut shuffled = lock();
    for platform in shuffled.platforms.values_mut() {
        platform.packages.reverse();
    }
    for source in shuffled.sources.values_mut() {
        source.suites.reverse();
        source
            .suites
            .iter_mut()
            .for_each(|suite| suite.indexes.reverse());
    }
    shuffled.request.packages.reverse();
    assert_eq!(shuffled.to_yaml(), lock().to_yaml());
}

#[test]
fn comments_and_line_ends_may_change() {
    let text = lock().to_yaml();
    let commented = format!("# reviewed\n{}", text.replace('\n', "\r\n"));
    assert!(read(&commented).is_ok());
}

#[test]
fn a_lock_fits_the_spec_that_it_was_made_for() {
    assert_eq!(lock().check(&spec()), Ok(()));
    let mut other = spec();
    other.name = "another".to_owned();
    other.image.cmd = vec!["x".to_owned()];
    other.packages.reverse();
    other.platforms.reverse();
    assert_eq!(lock().check(&other), Ok(()));
    // Where the same bytes are fetched from decides nothing.
    let source = other.sources.get_mut("debian").expect("a source");
    source
        .mirrors
        .insert("debian".to_owned(), "https://mirror.example.org".to_owned());
    source.ca.push("company.pem".to_owned());
    assert_eq!(lock().check(&other), Ok(()));
}

#[test]
fn a_stale_lock_says_exactly_what_changed() {
    let mut changed = spec();
    changed.select = Some(Select::Full);
    changed.packages = ["nginx:data", "curl"]
        .map(|text| text.parse::<PackageRequest>().expect("a request"))
        .to_vec();
    changed.packages[1].version = Some(">= 8".parse().expect("a range"));
    changed.platforms = vec![amd64(), "linux/s390x".parse().expect("a platform")];
    let debian = changed.sources.get_mut("debian").expect("a source");
    *debian = Source::preset(mikron_package::Family::DEB, "trixie");
    debian.priority = Some(700);
    changed.sources.insert(
        "b".to_owned(),
        Source::preset(mikron_package::Family::DEB, "trixie"),
    );
    let stale = lock().check(&changed).unwrap_err();
    assert_eq!(stale.changes.len(), 8, "{stale}");
    assert!(
        stale
            .changes
            .contains(&Change::PackageAdded("curl (>= 8)".to_owned()))
    );
    insta::assert_snapshot!(stale, @r"
    the lock does not fit the spec any more:
      `select` became `full` (it was `minimal`)
      the source `b` was added
      the source `debian` has another deb, priority
      the package `curl (>= 8)` was added
      the package `nginx` became `nginx:data`
      the package `ca-certificates:bundle` was removed
      the platform `linux/s390x` was added
      the platform `linux/arm64` was removed
    ");
}

#[test]
fn a_version_constraint_that_changed_is_told_from_an_added_package() {
    let mut changed = spec();
    changed.packages[0].version = Some("= 1.22".parse().expect("a range"));
    let stale = lock().check(&changed).unwrap_err();
    let (locked, wanted) = ("nginx".to_owned(), "nginx (= 1.22)".to_owned());
    assert_eq!(stale.changes, [Change::PackageChanged { locked, wanted }]);
    changed.packages.remove(0);
    let stale = lock().check(&changed).unwrap_err();
    assert_eq!(stale.changes, [Change::PackageRemoved("nginx".to_owned())]);
    changed.sources.clear();
    let stale = lock().check(&changed).unwrap_err();
    assert!(
        stale
            .changes
            .contains(&Change::SourceRemoved("debian".to_owned()))
    );
}

#[test]
fn equal_locks_do_not_differ() {
    assert!(lock().diff(&lock()).is_empty());
    assert!(lock().diff(&sorted(lock())).is_empty());
    assert_eq!(lock().diff(&lock()).to_string(), "");
}

#[test]
fn a_diff_says_what_an_update_brought() {
    let mut newer = lock();
    let suites = &mut newer.sources.get_mut("debian").expect("a source").suites;
    suites[0].release.date = time("2026-11-24T01:02:03Z");
    suites[0].release.digest = mikron_package::Digest::of(b"newer");
    let packages = &mut newer
        .platforms
        .get_mut(&amd64())
        .expect("a platform")
        .packages;
    packages[0] = package("nginx", "1.22.1-9+deb12u10", "amd64", Role::Root);
    packages[1].role = Role::Provider;
    packages[2] = package("tzdata", "2026b-0", "all", Role::Dependency);
    let diff = lock().diff(&newer);
    assert_eq!(diff.packages[&amd64()].len(), 4);
    assert!(matches!(&diff.packages[&amd64()][0], PackageChange::Removed(p) if p.arch == "all"));
    insta::assert_snapshot!(diff, @r"
    debian bookworm-security: 2026-11-23T08:09:10Z -> 2026-11-24T01:02:03Z
    linux/amd64:
      - ca-certificates 20230311+deb12u1
      ~ libc6 2.36-9+deb12u13 (role)
      ~ nginx 1.22.1-9+deb12u9 -> 1.22.1-9+deb12u10
      + tzdata 2026b-0
    ");
}

#[test]
fn odd_text_survives_in_a_lock() {
    let mut odd = lock();
    let packages = &mut odd
        .platforms
        .get_mut(&amd64())
        .expect("a platform")
        .packages;
    packages[0].location = "pool/main/a b/no: [x] \"y\" 'z' #é".replace(['"', '#', 'é', ' '], "_");
    packages[1].version = mikron_package::Version::new("1:2.0~é\u{85}\u{7f}\t\"\\");
    packages[2].arch = "no".to_owned();
    packages[3].name = mikron_package::PackageName::new("7zip").expect("a name");
    let text = odd.to_yaml();
    let again = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, sorted(odd));
}

#[test]
fn a_lock_holds_no_credentials_and_fits_whoever_asks() {
    let with = |user: &str| {
        let text = format!(
            "mikron: 1\nname: a\nsources:\n  d: {{ deb: \"https://{user}example.org/debian\", suite: ./, allow: [unsigned] }}\n  \
             r: {{ rpm: \"http://{user}example.org/\", mirrorlist: \"https://{user}example.org/list\", allow: [unsigned] }}\n"
        );
        mikron_spec::Spec::parse("a.yaml", &text, &Limits::default()).expect("a spec")
    };
    let mine = with("me:s3cret@");
    let mut lock = Lock::new(&mine);
    lock.platforms
        .insert(mine.platforms[0], LockedPlatform::default());
    let text = lock.to_yaml();
    assert!(!text.contains("s3cret") && !text.contains('@'), "{text}");
    let read = Lock::parse("a.lock", &text, &Limits::default()).expect("a lock");
    for other in ["me:s3cret@", "you:0ther@", "token@", ""] {
        assert_eq!(read.check(&with(other)), Ok(()));
    }
    // The spec itself keeps them: somebody has to fetch.
    assert!(mine.to_yaml().contains("s3cret"));
}

#[test]
fn an_error_shows_no_credentials_of_its_line() {
    for source in [
        "deb: \"https://me:s3cret@example.org/debian\", suit: ./",
        "deb: \"ftp://me:s3cret@example.org/debian\"",
        "rpm: \"https://me:s3cret@example.org/\"",
        "apk: \"https://me:s3cret@example.org/\", suite: x, allow: [unsigned]",
        "deb: bookworm, mirrors: { debian: \"gopher://me:s3cret@example.org/\" }",
    ] {
        let text = format!("mikron: 1\nname: a\nsources: {{ s: {{ {source} }} }}\n");
        let error = mikron_spec::Spec::parse("a.yaml", &text, &Limits::default()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
