//! What those rely on who call the library: their solver, their outputs, their rules.

#![allow(clippy::unwrap_used)] // a test

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{Held, local_spec};
use mikron::package::Universe;
use mikron::solve::{Request, ResolvoSolver, Solution, SolveError, Solver};
use mikron::source::fetch::{
    Authorities, Fetch, FetchError, FetchErrorKind, Request as Fetched, Response,
};
use mikron::{BuildReport, Builder, Error, Output};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::elf::ElfBuilder;
use tempfile::TempDir;

fn app() -> DebBuilder {
    DebBuilder::new("app", "1", "amd64").file("/usr/share/app/data", 0o644, "x")
}

fn builder(file: &Path) -> Builder {
    let builder = Builder::from_file(file).unwrap_or_else(|error| panic!("{error}"));
    let cache = file.with_file_name("cache");
    builder.cache(cache)
}

fn well(built: Result<BuildReport, Error>) -> BuildReport {
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Takes nothing of what is asked for.
struct Nothing;

impl Solver for Nothing {
    fn solve(&self, _: &dyn Universe, _: &Request) -> Result<Solution, SolveError> {
        Ok(Solution::default())
    }
}

#[test]
fn another_solver_gives_another_image_also_where_the_cache_remembers_one() {
    let dir = TempDir::new().unwrap();
    let file = local_spec(dir.path(), vec![("app", "", app())], "packages: [app]\n");
    let out = Output::layout(dir.path().join("layout"), "latest");
    let first = well(builder(&file).output(out.clone()).build());
    let other = builder(&file).output(out.clone()).solver(Arc::new(Nothing));
    let other = other.build();
    assert_ne!(other.ok().map(|report| report.digest), Some(first.digest));
    // The product's own, named or not, is one and the same.
    let own = builder(&file)
        .output(out)
        .solver(Arc::new(ResolvoSolver::default()));
    assert_eq!(well(own.build()).digest, first.digest);
}

#[test]
fn what_was_built_before_is_recalled_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let file = local_spec(dir.path(), vec![("app", "", app())], "packages: [app]\n");
    let layout = dir.path().join("layout");
    let builder = || builder(&file).output(Output::layout(&layout, "latest"));
    let recalled = || builder().recall().unwrap().map(|report| report.digest);
    assert_eq!(recalled(), None);
    assert!(!layout.exists());
    let built = well(builder().build());
    fs::remove_dir_all(&layout).unwrap();
    assert_eq!(recalled(), Some(built.digest));
    assert!(layout.join("index.json").exists());
    let spec = fs::read_to_string(&file).unwrap();
    fs::write(&file, spec + "files: [{ path: /more, text: more }]\n").unwrap();
    assert_eq!(recalled(), None);
}

#[test]
fn where_one_output_fails_the_others_stay_as_they_were() {
    let dir = TempDir::new().unwrap();
    let file = local_spec(dir.path(), vec![("app", "", app())], "packages: [app]\n");
    let layout = dir.path().join("layout");
    let whole = dir.path().join("whole.tar");
    let out = || Output::layout(&layout, "latest");
    well(
        builder(&file)
            .output(out())
            .output(Output::docker_archive(&whole))
            .build(),
    );
    let state = || {
        let index = fs::read(layout.join("index.json")).unwrap();
        (index, fs::read(&whole).unwrap())
    };
    let before = state();
    let spec = fs::read_to_string(&file).unwrap();
    fs::write(&file, spec + "files: [{ path: /more, text: more }]\n").unwrap();
    // A directory stands where the archive is to go, and a file where its directory is to be.
    let taken = dir.path().join("taken.tar");
    fs::create_dir(&taken).unwrap();
    // What a rename would put aside as it would a device.
    let socket = dir.path().join("socket.tar");
    let _listener = UnixListener::bind(&socket).unwrap();
    for bad in [taken, socket, file.join("none.tar")] {
        let failing = builder(&file)
            .output(out())
            .output(Output::docker_archive(&whole))
            .output(Output::docker_archive(&bad));
        assert!(failing.build().is_err());
        assert!(
            state() == before,
            "{}: an output was changed",
            bad.display()
        );
    }
    well(
        builder(&file)
            .output(out())
            .output(Output::docker_archive(&whole))
            .build(),
    );
    let after = state();
    assert!(after.0 != before.0 && after.1 != before.1);
}

#[test]
fn rules_of_the_spec_hold_for_its_own_programs_too() {
    let dir = TempDir::new().unwrap();
    let library = ElfBuilder::library("libown.so.1").import("frobnicate");
    fs::write(dir.path().join("own"), library.build()).unwrap();
    fs::write(
        dir.path().join("rules.yaml"),
        "- rule: frobs\n  when: { imports: [frobnicate] }\n  brings: [{ path: /usr/share/doc/frobs/table }]\n\
         \x20 because: frobnicate reads it\n  without: nothing is frobnicated\n",
    )
    .unwrap();
    let frobs = DebBuilder::new("frobs", "1", "amd64")
        .file("/usr/share/doc/frobs/table", 0o644, "x")
        .file("/usr/share/doc/frobs/other", 0o644, "x");
    let rest = "packages: [app]\nrules: [rules.yaml]\nfiles: [{ path: /usr/lib/libown.so.1, from: own }]\n";
    let packages = vec![("app", "Depends: frobs\n", app()), ("frobs", "", frobs)];
    let file = local_spec(dir.path(), packages, rest);
    let layout = dir.path().join("layout");
    well(
        builder(&file)
            .output(Output::layout(&layout, "latest"))
            .build(),
    );
    let held = Held::of(&layout);
    assert!(held.has("/usr/share/doc/frobs/table"));
    assert!(!held.has("/usr/share/doc/frobs/other"));
    // Who asks why is told what the rule says of itself.
    let explanations = builder(&file).explain().unwrap();
    let answer = &explanations.about("/usr/share/doc/frobs/table")[0];
    let because = [("frobs".to_owned(), "frobnicate reads it".to_owned())];
    assert_eq!(answer.because, BTreeMap::from(because));
}

#[test]
fn the_report_names_every_file_that_the_image_depends_on() {
    let dir = TempDir::new().unwrap();
    let rest = "packages: [app]\nrules: [rules.yaml]\ndefinitions: [tables]\ninstallation: [scripts.yaml]\nfiles: [{ path: /own, from: data/own }]\n";
    let file = local_spec(dir.path(), vec![("app", "", app())], rest);
    let rules = "- rule: frobs\n  when: { imports: [frobnicate] }\n  brings: [{ path: /usr/share/frobs }]\n\
        \x20 because: frobnicate reads it\n  without: nothing is frobnicated\n";
    fs::write(dir.path().join("rules.yaml"), rules).unwrap();
    fs::write(dir.path().join("scripts.yaml"), "reads-only: [ask]\n").unwrap();
    fs::create_dir(dir.path().join("tables")).unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/own"), "own").unwrap();
    let inputs = |report: BuildReport| -> Vec<String> {
        let beside = format!("{}/", dir.path().display());
        let inputs = report.inputs.iter();
        let names = inputs.map(|input| input.strip_prefix(&beside).unwrap().to_owned());
        names.collect()
    };
    let expected = [
        "data/own",
        "image.yaml",
        "repository",
        "rules.yaml",
        "scripts.yaml",
        "tables",
    ];
    assert_eq!(inputs(well(builder(&file).build())), expected);
    // Also where it is remembered.
    let recalled = builder(&file).recall().unwrap().unwrap();
    assert_eq!(inputs(recalled), expected);
}

#[test]
fn patterns_of_remove_are_read_in_one_way_and_those_that_match_nothing_are_named() {
    let dir = TempDir::new().unwrap();
    let app = DebBuilder::new("app", "1", "amd64")
        .file("/usr/share/app/a", 0o644, "a")
        .file("/usr/share/app/b", 0o644, "b")
        .file("/usr/share/app/keep", 0o644, "keep")
        .file("/usr/lib/app/data", 0o644, "data");
    let rest = "packages: [app]\nremove: [\"/usr/share/app/[ab]\", \"/lib/app/**\", \"/usr/share/app/k*\", \"!/usr/share/app/keep\", /opt/none]\n";
    let file = local_spec(dir.path(), vec![("app", "", app)], rest);
    let layout = dir.path().join("layout");
    let report = well(
        builder(&file)
            .output(Output::layout(&layout, "latest"))
            .build(),
    );
    let inventory = mikron::layout_inventory(&layout, "latest").unwrap();
    let held = inventory.platforms.values().next().unwrap().files.as_ref();
    let paths = held.unwrap().keys().map(ToString::to_string);
    let own: Vec<String> = paths.filter(|path| path.contains("/app/")).collect();
    assert_eq!(own, ["/usr/share/app/keep"]);
    let warnings = &report.platforms[0].warnings;
    let of_remove: Vec<&String> = warnings.iter().filter(|w| w.contains("remove")).collect();
    assert_eq!(
        of_remove,
        ["`remove` has `/opt/none`, which matches nothing"]
    );
    let diagnostics = serde_json::to_string(&report.platforms[0].diagnostics).unwrap();
    assert_eq!(
        diagnostics,
        r#"[{"pattern-unused":{"pattern":"/opt/none"}}]"#
    );
    // What is remembered says the same.
    let recalled = builder(&file).recall().unwrap().unwrap();
    assert_eq!(
        recalled.platforms[0].diagnostics,
        report.platforms[0].diagnostics
    );
}

/// Has nothing, and notes who should have vouched for whom.
#[derive(Default)]
struct Asked(Mutex<Vec<(String, Option<Authorities>)>>);

impl Fetch for Asked {
    fn fetch(&self, request: &Fetched) -> Result<Response, FetchError> {
        let asked = (request.url.clone(), request.authorities.clone());
        self.0.lock().unwrap().push(asked);
        Err(FetchError::new(&request.url, FetchErrorKind::HostNotFound))
    }
}

#[test]
fn authorities_of_a_source_vouch_for_its_servers_and_for_no_others() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("image.yaml");
    fs::write(dir.path().join("company.pem"), "theirs").unwrap();
    fs::write(
        &file,
        "mikron: 1\nname: app\npackages: [app]\nplatforms: [linux/amd64]\nsources:\n  \
         own: { deb: 'https://own.example.org', suite: ./, allow: [unsigned], ca: [company.pem] }\n  \
         other: { deb: 'https://other.example.org', suite: ./, allow: [unsigned] }\n",
    )
    .unwrap();
    let asked = Arc::new(Asked::default());
    let fetch: Arc<dyn Fetch> = asked.clone();
    assert!(builder(&file).fetch(fetch).lock().is_err());
    let of = |host: &str| -> Vec<Option<Authorities>> {
        let asked = asked.0.lock().unwrap();
        let of_host = asked.iter().filter(|(url, _)| url.contains(host));
        of_host
            .map(|(_, authorities)| authorities.clone())
            .collect()
    };
    let theirs = Some(Authorities::Pem(b"theirs".as_slice().into()));
    let own = of("//own.example.org");
    assert!(
        !own.is_empty() && own.iter().all(|who| *who == theirs),
        "{own:?}"
    );
    let other = of("//other.example.org");
    assert!(
        !other.is_empty() && other.iter().all(Option::is_none),
        "{other:?}"
    );
}

#[test]
fn a_mistyped_program_of_what_a_package_depends_on_is_guessed_too() {
    let dir = TempDir::new().unwrap();
    let snake = DebBuilder::new("snake-minimal", "1", "amd64");
    let snake = snake.file("/usr/bin/snake3", 0o755, ElfBuilder::executable().build());
    let rest = "packages: [app]\nimage: { entrypoint: [/usr/bin/sanke3] }\n";
    let packages = vec![
        ("app", "Depends: snake-minimal\n", app()),
        ("snake-minimal", "", snake),
    ];
    let error = builder(&local_spec(dir.path(), packages, rest)).build();
    let Err(Error::NotClosed { near, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(near, ["/usr/bin/snake3"]);
}
