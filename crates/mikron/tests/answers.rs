//! What the library answers about images out of the frozen archive: locks, reasons, matrices, differences, and refusals.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::fs;

use common::{Held, Home, example_with, spec_of};
use mikron::Output;
use mikron::matrix::{Explanation, diff};

fn nginx(more: &str) -> String {
    example_with("nginx.yaml", more)
}

#[test]
fn a_lock_names_every_package_of_the_closure_with_its_archive() {
    let home = Home::new();
    let lock = home.builder(&nginx("")).lock().unwrap();
    let locked = lock
        .platforms
        .values()
        .flat_map(|platform| &platform.packages);
    let names: Vec<String> = locked
        .clone()
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    let expected = [
        "iproute2 6.1.0-3",
        "libc6 2.36-9+deb12u3",
        "libcrypt1 1:4.4.33-2",
        "libgcc-s1 12.2.0-14",
        "libpcre2-8-0 10.42-1",
        "libssl3 3.0.11-1~deb12u2",
        "lsb-base 11.6",
        "nginx 1.22.1-9",
        "nginx-common 1.22.1-9",
        "zlib1g 1:1.2.13.dfsg-1",
    ];
    for name in expected {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    for package in locked {
        let archive = home.path("debian").join(&*package.location);
        assert_eq!(fs::metadata(archive).unwrap().len(), package.size);
    }
}

#[test]
fn reasons_lead_from_what_was_asked_for_to_each_file() {
    let home = Home::new();
    let explained = home.builder(&nginx("")).explain().unwrap();
    let chain = |what: &str| match &explained.about(what)[0].explanation {
        Explanation::Chosen(steps) => steps.len(),
        other => panic!("{what}: {other:?}"),
    };
    assert!(chain("/usr/sbin/nginx") < chain("/usr/lib/x86_64-linux-gnu/libcrypto.so.3"));
    // By a rule: a thread of nginx ends by a function that takes it.
    assert!(chain("libgcc-s1") > 1);
    for left_out in [
        "/usr/share/man/man8/nginx.8.gz",
        "/etc/init.d/nginx",
        "iproute2",
    ] {
        let answer = &explained.about(left_out)[0].explanation;
        let is_left_out = matches!(
            answer,
            Explanation::LeftOut(_) | Explanation::FileLeftOut { .. }
        );
        assert!(is_left_out, "{left_out}: {answer:?}");
    }
    assert!(matches!(
        explained.about("/opt/none")[0].explanation,
        Explanation::Unknown
    ));
}

#[test]
fn the_matrix_is_whole_and_has_a_chain_for_all_that_is_in() {
    let home = Home::new();
    let matrices = home
        .builder(&nginx(""))
        .platform("linux/amd64".parse().unwrap())
        .matrix()
        .unwrap();
    let [matrix] = matrices.as_slice() else {
        panic!("one platform")
    };
    assert!(matrix.missing().next().is_none());
    let mut inside = matrix.capabilities.iter().filter(|row| row.state.is_in());
    assert!(inside.all(|row| !row.chain.is_empty()));
    let built = home
        .builder(&nginx(""))
        .platform("linux/amd64".parse().unwrap())
        .build()
        .unwrap();
    for package in &built.platforms[0].packages {
        let mut rows = matrix.packages.iter();
        let row = rows.find(|row| row.name == package.name).unwrap();
        assert_eq!(
            (row.files as u64, row.bytes),
            (package.files, package.bytes),
            "{}",
            row.name
        );
    }
}

#[test]
fn an_image_that_would_lack_a_library_is_refused_and_its_matrix_says_which() {
    let home = Home::new();
    let open = home.builder(&nginx("remove: [\"/usr/lib/*/libz.so*\"]\n"));
    let layout = home.path("layout");
    let error = open
        .clone()
        .output(Output::layout(&layout, "latest"))
        .build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("libz.so.1"), "{error}");
    assert!(!layout.exists());
    let missing: Vec<String> = open.matrix().unwrap()[0]
        .missing()
        .map(|need| need.token.to_string())
        .collect();
    assert_eq!(missing, ["soname(libz.so.1)"]);
}

#[test]
fn what_a_spec_would_make_now_differs_from_an_image_by_what_was_changed() {
    let home = Home::new();
    let layout = home.path("layout");
    home.builder(&nginx(""))
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap();
    let built = mikron::layout_inventory(&layout, "latest").unwrap();
    assert!(diff(&built, &home.builder(&nginx("")).inventory().unwrap()).is_empty());
    let less = nginx("remove: [/etc/nginx/sites-enabled/default]\n");
    let now = home.builder(&less).inventory().unwrap();
    assert!(!diff(&built, &now).is_empty());
}

#[test]
fn whole_packages_have_their_documents_and_say_what_they_lack() {
    let home = Home::new();
    let layout = home.path("layout");
    let whole = nginx("select: full\n");
    let built = home
        .builder(&whole)
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap();
    let held = Held::of(&layout);
    assert!(held.has("/usr/share/man/man8/nginx.8.gz") && held.has("/usr/bin/routel"));
    let warnings = &built.platforms[0].warnings;
    assert!(
        warnings.iter().any(|text| text.contains("/usr/bin/routel")),
        "{warnings:?}"
    );
    let strict = home
        .builder(&(whole + "strict: true\n"))
        .build()
        .unwrap_err()
        .to_string();
    assert!(strict.contains("/usr/bin/routel"), "{strict}");
}

#[test]
fn what_scripts_of_packages_make_is_there_with_owners_and_modes() {
    let home = Home::new();
    let layout = home.path("layout");
    let spec = spec_of("chrony, vim-tiny, iputils-ping, hello-script", "");
    home.builder(&spec)
        .output(Output::layout(&layout, "latest"))
        .build()
        .unwrap();
    let held = Held::of(&layout);
    let accounts = held.text("/etc/passwd");
    let user = accounts
        .lines()
        .find_map(|line| line.strip_prefix("_chrony:x:"));
    let user = user.unwrap_or_else(|| panic!("{accounts}"));
    let ids: Vec<&str> = user.split(':').take(2).collect();
    assert_eq!(
        held.access("/etc/chrony/chrony.keys"),
        format!("640 0:{}", ids[1])
    );
    assert_eq!(
        held.access("/var/log/chrony"),
        format!("755 {}", ids.join(":"))
    );
    assert!(held.has("/var/lib/chrony"), "its unit asks for it");
    assert_eq!(held.target("/usr/bin/vi"), "/etc/alternatives/vi");
    assert_eq!(held.target("/etc/alternatives/vi"), "/usr/bin/vim.tiny");
    assert_eq!(held.access("/usr/bin/ping"), "755 0:0");
    assert!(held.has_capability("/usr/bin/ping"));
    // A script brings its shell, and what it runs.
    assert!(held.has("/usr/bin/dash") && held.has("/usr/bin/sed"));
}

#[test]
fn packages_that_exclude_each_other_are_refused_with_what_to_do() {
    let home = Home::new();
    let spec = spec_of("exim4-daemon-light, postfix", "");
    let error = home.builder(&spec).lock().unwrap_err().to_string();
    assert!(
        error.contains("conflicts with `mail-transport-agent`"),
        "{error}"
    );
    assert!(
        error.contains("leave out one of `exim4-daemon-light` and `postfix`"),
        "{error}"
    );
}

#[test]
fn what_is_not_what_was_signed_is_refused() {
    let home = Home::new();
    let builder = home.builder(&spec_of("dash", ""));
    let pool = home.path("debian/pool/main/d/dash/dash_0.5.12-2_amd64.deb");
    let good = fs::read(&pool).unwrap();
    let mut changed = good.clone();
    changed[good.len() / 2] ^= 1;
    fs::write(&pool, changed).unwrap();
    let platform = || builder.clone().platform("linux/amd64".parse().unwrap());
    let error = platform().build().unwrap_err().to_string();
    assert!(error.contains("dash"), "{error}");
    fs::write(&pool, good).unwrap();
    platform().build().unwrap();
    // A Release that another has signed.
    let other = mikron_testkit::repository::TestKey::generate();
    fs::write(home.path("archive.asc"), other.certificate_armored()).unwrap();
    let error = platform()
        .cache(home.path("another cache"))
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("sign"), "{error}");
}
