//! Measures whole commands side by side in one run and prints their ratios.
//!
//! ```text
//! mikron-compare [--runs N] [--mikron PROGRAM] [--apko PROGRAM]
//!                [--only cold,docker,warm,removed,crowd,resolve,index,apk,memory,large,files]
//! ```
//!
//! `apk` is measured where there is an apko, on PATH or named.
//! The mirror is the machine's own. Each run of a row measures both sides, one after the other, so that whatever else the
//! machine does hits both; the figures are medians. Where no `mikron` command lies beside this program and none is named,
//! the library is measured in a process of its own.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use mikron::{Builder, Output};
use mikron_benches::measure::{Failed, median, peak, run, wall};
use mikron_benches::peers::{self, Docker};
use mikron_benches::table::{HEAD, Row, Target};
use mikron_benches::{made, suite};
use mikron_live::mirror::{Mirror, mirror};
use mikron_source::cache::{Cache, CacheOptions};
use tempfile::TempDir;

const NGINX: &str = "mikron: 1
name: nginx
sources:
  debian: { deb: bookworm }
packages: [nginx]
image:
  entrypoint: [/usr/sbin/nginx, -g, \"daemon off;\"]
";

/// More than 500 MB of packages, taken whole.
const LARGE: &str = "mikron: 1
name: large
sources:
  debian: { deb: bookworm }
packages: [openjdk-17-jdk-headless, llvm-14-dev, clang-14]
select: full
image:
  entrypoint: [/usr/bin/java]
";

/// Packages and their programs, which share libraries, for builds at once.
const CROWD: [(&str, &str); 8] = [
    ("nginx", "/usr/sbin/nginx"),
    ("haproxy", "/usr/sbin/haproxy"),
    ("redis-server", "/usr/bin/redis-server"),
    ("memcached", "/usr/bin/memcached"),
    ("curl", "/usr/bin/curl"),
    ("dnsmasq-base", "/usr/sbin/dnsmasq"),
    ("lighttpd", "/usr/sbin/lighttpd"),
    ("rsync", "/usr/bin/rsync"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("run") => library(&arguments[1..]).map(|()| true),
        _ => Options::parse(&arguments).and_then(|options| compare(&options)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    runs: usize,
    mikron: Option<PathBuf>,
    apko: Option<PathBuf>,
    only: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Failed> {
        let mut options = Self {
            runs: 5,
            mikron: command_beside(),
            apko: mikron_testkit::tools::find("apko"),
            only: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let mut value = || {
                arguments.next().ok_or_else(|| Failed {
                    what: name.clone(),
                    why: "a value is missing".to_owned(),
                })
            };
            match name.as_str() {
                "--runs" => options.runs = value()?.parse().map_err(Failed::of("--runs"))?,
                "--mikron" => options.mikron = Some(value()?.into()),
                "--apko" => options.apko = Some(value()?.into()),
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                _ => {
                    return Err(Failed {
                        what: name.clone(),
                        why: "is not an option; see the head of compare.rs".to_owned(),
                    });
                }
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// The `mikron` command of the same build.
fn command_beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("mikron");
    let version = run(Command::new(&path).arg("--version")).ok()?;
    version.stdout.starts_with(b"mikron").then_some(path)
}

/// Where one comparison happens.
struct Bench {
    options: Options,
    mirror: Mirror,
    scratch: TempDir,
    rows: Vec<Row>,
}

fn compare(options: &Options) -> Result<bool, Failed> {
    let mirror = mirror().ok_or_else(|| Failed {
        what: "the mirror".to_owned(),
        why: "this machine has none in its apt settings".to_owned(),
    })?;
    let options = Options {
        runs: options.runs.max(1),
        mikron: options.mikron.clone(),
        apko: options.apko.clone(),
        only: options.only.clone(),
    };
    match &options.mikron {
        Some(path) => eprintln!("measuring {}", path.display()),
        None => eprintln!("there is no mikron command: measuring the library in its own process"),
    }
    let mut bench = Bench {
        options,
        mirror,
        scratch: TempDir::new().map_err(Failed::of("a temporary directory"))?,
        rows: Vec::new(),
    };
    bench.write("nginx/spec.yaml", NGINX)?;
    bench.write("large/spec.yaml", LARGE)?;
    bench.cold()?;
    bench.docker()?;
    bench.warm()?;
    bench.removed()?;
    bench.crowd()?;
    bench.resolve()?;
    bench.index()?;
    bench.apk()?;
    bench.memory()?;
    println!("{HEAD}");
    for row in &bench.rows {
        println!("{row}");
    }
    Ok(bench.rows.iter().all(Row::holds))
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failed> {
        let path = self.path(name);
        let failed = || Failed::of::<std::io::Error>(path.display().to_string());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed())?;
        }
        std::fs::write(&path, text).map_err(failed())
    }

    /// The command under test, or the library in a process of this program.
    fn mikron(&self, what: &str, name: &str) -> Command {
        let spec = self.path(name).join("spec.yaml");
        let out = self.path(name).join("out");
        let own = std::env::current_exe().unwrap_or_else(|_| "mikron-compare".into());
        let mut command = Command::new(self.options.mikron.as_ref().unwrap_or(&own));
        if self.options.mikron.is_none() {
            command.arg("run");
        }
        command.arg(what).arg(&spec);
        match (what, self.options.mikron.is_some()) {
            ("build", true) => command
                .arg("-o")
                .arg(format!("oci:{}:latest", out.display())),
            ("build", false) => command.arg(out),
            (_, true) => command.arg("--offline"),
            (_, false) => &mut command,
        };
        command.env("MIKRON_CACHE", self.path(name).join("cache"));
        command.env("MIKRON_MIRROR_DEBIAN", &self.mirror.main);
        if let Some(security) = &self.mirror.security {
            command.env("MIKRON_MIRROR_DEBIAN_SECURITY", security);
        }
        command
    }

    /// Forgets everything that was built and cached of a spec.
    fn forget(&self, name: &str) -> Result<(), Failed> {
        peers::empty(&self.path(name).join("cache"))?;
        peers::empty(&self.path(name).join("out"))
    }

    /// Measures both sides in turn, and adds a row of the medians.
    fn row(
        &mut self,
        name: &str,
        target: f64,
        ours: &dyn Fn(&Self) -> Result<Duration, Failed>,
        theirs: &dyn Fn(&Self) -> Result<Duration, Failed>,
    ) -> Result<(), Failed> {
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for i in 1..=self.options.runs {
            their_times.push(theirs(self)?);
            our_times.push(ours(self)?);
            eprintln!(
                "{name} {i}: {:?} {:?}",
                our_times.last(),
                their_times.last()
            );
        }
        self.rows.push(Row {
            name: name.to_owned(),
            ours: median(our_times),
            theirs: Some(median(their_times)),
            target: Target::Ratio(target),
        });
        Ok(())
    }

    fn cold_build(&self) -> Result<Duration, Failed> {
        self.cold_build_of("nginx")
    }

    fn cold_build_of(&self, name: &str) -> Result<Duration, Failed> {
        self.forget(name)?;
        wall(&mut self.mikron("build", name))
    }

    fn mmdebstrap(&self) -> Result<Duration, Failed> {
        let out = self.path("mmdebstrap");
        let took = wall(&mut peers::mmdebstrap(&self.mirror, &out)?);
        peers::empty(&out)?;
        took
    }

    fn cold(&mut self) -> Result<(), Failed> {
        if !self.options.wants("cold") {
            return Ok(());
        }
        self.row(
            "cold build, against mmdebstrap",
            0.5,
            &Self::cold_build,
            &Self::mmdebstrap,
        )
    }

    fn docker(&mut self) -> Result<(), Failed> {
        if !self.options.wants("docker") {
            return Ok(());
        }
        let docker = Docker::start(&self.mirror)?;
        let name = format!("cold build, against docker build ({})", docker.driver());
        self.row(&name, 0.3, &Self::cold_build, &|_| {
            wall(&mut docker.build())
        })
    }

    fn warm(&mut self) -> Result<(), Failed> {
        if !self.options.wants("warm") {
            return Ok(());
        }
        run(&mut self.mikron("build", "nginx"))?;
        self.row(
            "warm rebuild, against mmdebstrap",
            0.005,
            // So short that a single run says little.
            &|bench| {
                let times = (0..11).map(|_| wall(&mut bench.mikron("build", "nginx")));
                let times = times.collect::<Result<Vec<_>, _>>()?;
                Ok(Duration::from_secs_f64(median(times)))
            },
            &Self::mmdebstrap,
        )
    }

    /// The image comes out of the cache of layers.
    fn removed(&mut self) -> Result<(), Failed> {
        if !self.options.wants("removed") {
            return Ok(());
        }
        run(&mut self.mikron("build", "nginx"))?;
        let mut times = Vec::new();
        for _ in 0..11 * self.options.runs {
            peers::empty(&self.path("nginx/out"))?;
            times.push(wall(&mut self.mikron("build", "nginx"))?);
        }
        self.rows.push(Row {
            name: "warm, output removed".to_owned(),
            ours: median(times),
            theirs: None,
            target: Target::Seconds(0.010),
        });
        Ok(())
    }

    /// A cold build of one of the crowd, with the cache that all share.
    fn of_crowd(&self, package: &str) -> Command {
        let mut command = self.mikron("build", package);
        command.env("MIKRON_CACHE", self.path("crowd"));
        command
    }

    fn forget_crowd(&self) -> Result<(), Failed> {
        peers::empty(&self.path("crowd"))?;
        let mut outs = CROWD
            .iter()
            .map(|(package, _)| self.path(package).join("out"));
        outs.try_for_each(|out| peers::empty(&out))
    }

    fn crowd(&mut self) -> Result<(), Failed> {
        if !self.options.wants("crowd") {
            return Ok(());
        }
        for (package, program) in CROWD {
            let spec = format!(
                "mikron: 1\nname: {package}\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{package}]\n\
                 image:\n  entrypoint: [{program}]\n"
            );
            self.write(&format!("{package}/spec.yaml"), &spec)?;
        }
        self.row(
            "eight cold builds at once on one cache, against one after another",
            0.8,
            &|bench| {
                bench.forget_crowd()?;
                let begin = Instant::now();
                std::thread::scope(|scope| {
                    let builds = CROWD.map(|(package, _)| {
                        scope.spawn(move || run(&mut bench.of_crowd(package)).map(drop))
                    });
                    builds.into_iter().try_for_each(|build| {
                        build
                            .join()
                            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    })
                })?;
                Ok(begin.elapsed())
            },
            &|bench| {
                bench.forget_crowd()?;
                let begin = Instant::now();
                for (package, _) in CROWD {
                    run(&mut bench.of_crowd(package))?;
                }
                Ok(begin.elapsed())
            },
        )
    }

    fn resolve(&mut self) -> Result<(), Failed> {
        if !self.options.wants("resolve") {
            return Ok(());
        }
        run(&mut self.mikron("build", "nginx"))?;
        let scratch = self.scratch.path().to_owned();
        run(&mut peers::apt_get(&scratch)?)?;
        self.row(
            "resolve from a warm cache, against apt-get -s",
            0.05,
            &|bench| wall(&mut bench.mikron("lock", "nginx")),
            &|_| wall(&mut peers::apt_get(&scratch)?),
        )
    }

    fn index(&mut self) -> Result<(), Failed> {
        if !self.options.wants("index") {
            return Ok(());
        }
        let copy = self.path("trixie");
        suite::copy(&self.mirror, &copy)?;
        let mut times = Vec::new();
        for i in 1..=self.options.runs {
            let (took, packages) = suite::parse(&copy, &self.path("index-cache"))?;
            eprintln!("index {i}: {took:?} for {packages} packages");
            times.push(took);
        }
        self.rows.push(Row {
            name: "cold parse of trixie main, verified".to_owned(),
            ours: median(times),
            theirs: None,
            target: Target::Seconds(1.0),
        });
        Ok(())
    }

    /// The packages of nginx, whole, from a repository of apk on disk.
    fn apk(&mut self) -> Result<(), Failed> {
        if !self.options.wants("apk") {
            return Ok(());
        }
        let Some(apko) = self.options.apko.clone() else {
            eprintln!("not measured: apk (there is no apko; name one by --apko)");
            return Ok(());
        };
        let cache = self.path("apk-cache");
        let file = self.path("nginx/spec.yaml");
        let mut builder = Builder::from_file(&file).map_err(Failed::of("nginx"))?;
        builder = builder.cache(&cache).mirror("debian", &self.mirror.main);
        if let Some(security) = &self.mirror.security {
            builder = builder.mirror("debian-security", security);
        }
        let cache = Cache::open(&cache, CacheOptions::default());
        let cache = cache.map_err(Failed::of("the cache"))?;
        let world = self.path("apk");
        std::fs::create_dir_all(&world).map_err(Failed::of("apk"))?;
        let count = made::apk(&builder, &cache, &world)?;
        let (repository, key) = (world.join("repository"), world.join(made::APK_KEY));
        for (what, name, layers, most) in [
            (
                "gzip:6, one layer",
                "apk-single",
                "strategy: single, compression: \"gzip:6\"",
                0.9,
            ),
            (
                "gzip:6, by package",
                "apk-package",
                "compression: \"gzip:6\"",
                0.9,
            ),
            (
                "zstd:3, one layer",
                "apk-zstd",
                "strategy: single, compression: \"zstd:3\"",
                0.9,
            ),
            ("as the default packs", "apk-default", "", 8.0),
        ] {
            self.write(
                &format!("{name}/spec.yaml"),
                &format!(
                    "mikron: 1\nname: nginx\nsources:\n  main: {{ apk: \"file:{}\", keys: [\"{}\"] }}\n\
                     packages: [nginx]\nselect: full\nlayers: {{ {layers} }}\n\
                     image:\n  entrypoint: [/usr/sbin/nginx]\n",
                    repository.display(),
                    key.display()
                ),
            )?;
            let name_of_row =
                format!("{count} packages whole from apk on disk, {what}, against apko");
            self.row(
                &name_of_row,
                most,
                &|bench| bench.cold_build_of(name),
                &|bench| {
                    wall(&mut peers::apko(
                        &apko,
                        &repository,
                        &key,
                        &bench.path("apko"),
                    )?)
                },
            )?;
        }
        Ok(())
    }

    fn memory(&mut self) -> Result<(), Failed> {
        if self.options.wants("files") {
            made::files(577, 221_358, &self.path("files"))?;
            let spec = format!(
                "mikron: 1\nname: files\nsources:\n  \
                 main: {{ deb: \"file:repository\", suite: stable, keys: [key.asc] }}\n\
                 packages: [{}]\nselect: full\nlayers: {{ compression: \"zstd:3\" }}\n",
                made::ALL
            );
            self.write("files/spec.yaml", &spec)?;
        }
        for (only, name, spec, most) in [
            ("memory", "peak memory, nginx cold", "nginx", 64e6),
            (
                "large",
                "peak memory, 500 MB of packages cold",
                "large",
                160e6,
            ),
            (
                "files",
                "peak memory, 577 packages of 221,358 files cold",
                "files",
                96e6,
            ),
        ] {
            if !self.options.wants(only) {
                continue;
            }
            self.forget(spec)?;
            let begin = Instant::now();
            let bytes = peak(&self.mikron("build", spec))?;
            eprintln!("{name}: {bytes} bytes, {:?}", begin.elapsed());
            self.rows.push(Row {
                name: name.to_owned(),
                ours: f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) * 1024.0,
                theirs: None,
                target: Target::Bytes(most),
            });
        }
        Ok(())
    }
}

/// `run build SPEC OUT`, `run lock SPEC`: the library in place of the command.
fn library(arguments: &[String]) -> Result<(), Failed> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["build", spec, out] => {
            let builder = Builder::from_file(spec).map_err(Failed::of(*spec))?;
            let output = Output::layout(out, "latest");
            let report = builder.output(output).build().map_err(Failed::of(*spec))?;
            let packages = report.platforms.iter().flat_map(|p| &p.packages);
            let bytes: u64 = packages.map(|p| p.bytes).sum();
            println!("{} {} bytes of {bytes}", report.digest, report.size());
            Ok(())
        }
        ["lock", spec] => {
            let builder = Builder::from_file(spec).map_err(Failed::of(*spec))?;
            builder
                .offline(true)
                .write_lock()
                .map_err(Failed::of(*spec))?;
            Ok(())
        }
        _ => Err(Failed {
            what: "run".to_owned(),
            why: "expected `build SPEC OUT` or `lock SPEC`".to_owned(),
        }),
    }
}
