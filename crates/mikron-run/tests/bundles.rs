//! What a runtime gets, and what becomes of it: with a runtime that only looks.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use mikron_run::{Launch, Mount, Process, RunError, Runtime};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A runtime, an image and a place for bundles.
struct Machine {
    dir: TempDir,
}

impl Machine {
    /// `script` is what the runtime does, with its bundle in `$bundle`.
    fn new(script: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for name in ["crun", "runc"] {
            let text = format!(
                "#!/bin/sh\nwhile [ \"$1\" != --bundle ]; do shift; done\nbundle=$2\n{script}\n"
            );
            let program = bin.join(name);
            fs::write(&program, text).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let rootfs = dir.path().join("image");
        fs::create_dir_all(rootfs.join("usr/bin")).unwrap();
        fs::create_dir_all(rootfs.join("proc/left")).unwrap();
        fs::write(rootfs.join("note"), "a file").unwrap();
        symlink("usr/bin", rootfs.join("bin")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn runtime(&self) -> Runtime {
        Runtime::find(self.path("bin").as_os_str()).unwrap()
    }

    fn launch(&self, config: &str) -> Launch {
        Launch {
            rootfs: self.path("image"),
            own: false,
            process: Process::of_config(config.as_bytes()).unwrap(),
            mounts: Vec::new(),
            network: false,
            terminal: false,
            hostname: "test".to_owned(),
        }
    }

    /// How the runtime ended, and the config that it got.
    fn run(&self, launch: &Launch) -> (i32, Value) {
        let scratch = self.path("scratch");
        let container = launch.start(&self.runtime(), &scratch).unwrap();
        let code = container.wait().unwrap().code().unwrap();
        let left = fs::read_dir(scratch).unwrap().count();
        assert_eq!(left, 0, "the bundle goes with the run");
        let config = fs::read(self.path("seen.json")).unwrap();
        (code, serde_json::from_slice(&config).unwrap())
    }
}

/// Keeps the config and a listing of the root.
const LOOK: &str = "cp \"$bundle/config.json\" \"$bundle/../../seen.json\"
    ls -l \"$bundle/rootfs\" > \"$bundle/../../root\"";

const WEB: &str = r#"{"config":{"Entrypoint":["/bin/web"],"User":"33:34","WorkingDir":"/srv"}}"#;

fn names(values: &Value, key: &str) -> Vec<String> {
    let all = values.as_array().into_iter().flatten();
    all.filter_map(|value| value[key].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_bundle_says_what_the_image_says_and_the_code_is_that_of_the_program() {
    let machine = Machine::new(&format!("{LOOK}; exit 7"));
    let (code, config) = machine.run(&machine.launch(WEB));
    assert_eq!(code, 7);
    let process = &config["process"];
    assert_eq!(process["args"], json!(["/bin/web"]));
    assert_eq!(process["user"], json!({"uid": 33, "gid": 34}));
    assert_eq!(process["cwd"], "/srv");
    assert_eq!(process["noNewPrivileges"], true);
    let mut wanted = vec!["mount", "pid", "ipc", "uts", "network"];
    if !rustix::process::geteuid().is_root() {
        wanted.push("user");
        assert_eq!(config["linux"]["uidMappings"][0]["containerID"], 33);
        assert_eq!(config["linux"]["gidMappings"][0]["containerID"], 34);
    }
    assert_eq!(names(&config["linux"]["namespaces"], "type"), wanted);
}

#[test]
fn nothing_steers_the_machine_through_the_kernels_files() {
    let machine = Machine::new(LOOK);
    let (_, config) = machine.run(&machine.launch(WEB));
    let has = |key: &str, path: &str| {
        let paths = config["linux"][key].as_array();
        paths.unwrap().iter().any(|known| known == path)
    };
    for path in ["/proc/sys", "/proc/sysrq-trigger"] {
        assert!(has("readonlyPaths", path), "{path}");
    }
    for path in ["/proc/kcore", "/proc/keys", "/sys/firmware"] {
        assert!(has("maskedPaths", path), "{path}");
    }
}

#[test]
fn the_image_is_mounted_directory_by_directory_and_stays_as_it_was() {
    let machine = Machine::new(&format!("{LOOK}; echo new > \"$bundle/rootfs/usr/new\""));
    let (_, config) = machine.run(&machine.launch(WEB));
    let mounts = names(&config["mounts"], "destination");
    let count = |path: &str| mounts.iter().filter(|mount| *mount == path).count();
    let of_each = ["/usr", "/note", "/bin", "/proc", "/dev", "/sys"].map(count);
    assert_eq!(of_each, [1, 1, 0, 1, 1, 1], "links are links: {mounts:?}");
    let root = fs::read_to_string(machine.path("root")).unwrap();
    for name in ["bin -> usr/bin", "tmp", "run", "root", "note", "usr"] {
        assert!(root.contains(name), "{root}");
    }
    assert!(!machine.path("image/usr/new").exists());
}

#[test]
fn the_network_is_that_of_the_machine_where_it_is_asked_for() {
    let machine = Machine::new(LOOK);
    let mut launch = machine.launch(WEB);
    launch.network = true;
    let (_, config) = machine.run(&launch);
    let namespaces = names(&config["linux"]["namespaces"], "type");
    assert!(!namespaces.contains(&"network".to_owned()));
}

#[test]
fn mounts_come_after_the_image_and_have_absolute_sources() {
    let machine = Machine::new(LOOK);
    fs::create_dir(machine.path("src")).unwrap();
    let mut launch = machine.launch(WEB);
    launch.mounts.push(Mount {
        source: machine.path("bin/../src"),
        target: "/usr/src".to_owned(),
        read_only: true,
    });
    let (_, config) = machine.run(&launch);
    let last = config["mounts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["destination"], "/usr/src");
    assert_eq!(last["options"], json!(["rbind", "ro"]));
    let source = fs::canonicalize(machine.path("src")).unwrap();
    assert_eq!(last["source"].as_str().map(Path::new), Some(&*source));
}

#[test]
fn signals_are_handed_on() {
    let machine = Machine::new(
        "trap 'exit 5' TERM; touch \"$bundle/../../ready\"; while :; do sleep 0.05; done",
    );
    let launch = machine.launch(WEB);
    let container = launch.start(&machine.runtime(), &machine.path("scratch"));
    let container = container.unwrap();
    while !machine.path("ready").exists() {
        std::thread::yield_now();
    }
    mikron_run::signal(container.pid(), 15);
    assert_eq!(container.wait().unwrap().code(), Some(5));
}

#[test]
fn what_a_killed_run_left_is_taken_away_and_what_is_no_run_stays() {
    let machine = Machine::new(LOOK);
    let left = machine.path("scratch/run-killed/closed/x");
    fs::create_dir_all(&left).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o000)).unwrap();
    fs::create_dir_all(machine.path("scratch/image")).unwrap();
    let launch = machine.launch(WEB);
    let start = || {
        launch
            .start(&machine.runtime(), &machine.path("scratch"))
            .unwrap()
    };
    // Neither takes the other for one that was left.
    let (one, other) = (start(), start());
    let runs = || fs::read_dir(machine.path("scratch")).unwrap().count();
    assert_eq!(runs(), 3, "two runs and the image");
    one.wait().unwrap();
    other.wait().unwrap();
    assert_eq!(runs(), 1);
    assert!(machine.path("scratch/image").exists());
}

#[test]
fn what_is_missing_is_said_with_a_remedy() {
    let machine = Machine::new(LOOK);
    let start = |launch: &Launch| launch.start(&machine.runtime(), &machine.path("scratch"));
    let error = start(&machine.launch("{}")).unwrap_err();
    assert!(
        error.to_string().contains("name one behind `--`"),
        "{error}"
    );
    let mut launch = machine.launch(WEB);
    launch.mounts.push("nowhere:/x".parse().unwrap());
    let error = start(&launch).unwrap_err();
    assert!(
        error.to_string().contains("cannot mount nowhere"),
        "{error}"
    );
    assert_eq!(fs::read_dir(machine.path("scratch")).unwrap().count(), 0);
    let error = Runtime::find(machine.path("image").as_os_str()).unwrap_err();
    assert!(matches!(error, RunError::NoRuntime { .. }));
    let text = error.to_string();
    assert!(
        text.contains("crun: not installed; runc: not installed"),
        "{text}"
    );
}
