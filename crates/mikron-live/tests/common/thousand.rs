//! One package that was drawn: its minimal image, a full installation of it, and the same probe in both.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use mikron::{BuildReport, Builder, Output};
use mikron_live::installed::Base;
use mikron_live::oracle::{Contents, Family, Outcome, Probe};
use mikron_live::runtime::{Bundle, Overlay};
use tempfile::TempDir;

use super::{archive, builder, cache};

/// Bytes that archives and facts of a thousand closures may take.
const QUOTA: u64 = 40 << 30;

/// A line of the list: a family, and the packages of the spec, of which the first is probed.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) family: Family,
    pub(crate) packages: Vec<String>,
}

impl Drawn {
    /// Reads `FAMILY PACKAGE [PACKAGE…]`.
    pub(crate) fn read(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let family = words.next().and_then(Family::named);
        Self {
            family: family.unwrap_or_else(|| panic!("no family: {line}")),
            packages: words.map(str::to_owned).collect(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.packages[0]
    }
}

/// What was found of a package.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// The image does what a full installation does; with its own bytes.
    Equal(u64),
    /// The image does less. `silent` where nothing that the build lists as left out names what is lacking.
    Worse { lacking: Vec<String>, silent: bool },
    /// The image is not built.
    NotBuilt(String),
    /// The package cannot be asked anything, or not installed here.
    Nothing(String),
}

/// The image of a package, and what it is asked.
pub(crate) struct Image {
    builder: Builder,
    bundle: Bundle,
    probe: Probe,
    report: BuildReport,
    /// The archive of the package.
    digest: String,
    _dir: TempDir,
}

/// Builds the image of a package alone and makes its probe. `None` where this machine cannot.
pub(crate) fn image(drawn: &Drawn) -> Option<Result<Image, Found>> {
    let dir = TempDir::new().unwrap();
    let spec = format!(
        "mikron: 1\nname: drawn\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{}]\n\
         layers: {{ strategy: single, compression: none }}\n",
        drawn.packages.join(", ")
    );
    let builder = builder(&spec, dir.path())?.quota(QUOTA).jobs(1);
    let layout = dir.path().join("layout");
    let built = builder
        .clone()
        .output(Output::layout(&layout, "latest"))
        .build();
    let (report, lock) = match built.and_then(|report| Ok((report, builder.lock()?))) {
        Ok(both) => both,
        Err(error) => return Some(Err(Found::NotBuilt(error.to_string()))),
    };
    let mut locked = lock.platforms.values().flat_map(|locked| &locked.packages);
    let own = locked.find(|package| package.name.as_str() == drawn.name());
    let Some(own) = own else {
        return Some(Err(Found::Nothing("it is not in its own lock".into())));
    };
    let digest = own.digest.hex();
    let contents = Contents::of_deb(&archive(&digest)).unwrap();
    let Some(probe) = drawn.family.probe(drawn.name(), &contents) else {
        return Some(Err(Found::Nothing("its files offer nothing".into())));
    };
    let bundle = Bundle::extract(&layout)?;
    let _ = fs::remove_dir_all(&layout);
    Some(Ok(Image {
        builder,
        bundle,
        probe,
        report,
        digest,
        _dir: dir,
    }))
}

impl Image {
    /// Asks the image.
    pub(crate) fn ask(&self) -> Option<Outcome> {
        Some(self.probe.run(&self.bundle, &busybox()?))
    }
}

/// Asks the image of a package and, where it may lack something and is not to be asked alone, a full installation.
pub(crate) fn compare(drawn: &Drawn, alone: bool) -> Option<Found> {
    let image = match image(drawn)? {
        Ok(image) => image,
        Err(found) => return Some(found),
    };
    let ours = image.ask()?;
    let is_code = matches!(drawn.family, Family::Code(_));
    if is_code && ours.is_well() {
        return Some(Found::Equal(image.report.size()));
    }
    if alone {
        return Some(if ours.is_well() {
            Found::Equal(image.report.size())
        } else {
            Found::Nothing(ours.complaints())
        });
    }
    let [theirs, again] = match full(drawn, &image)? {
        Ok(outcomes) => outcomes,
        Err(reason) => return Some(Found::Nothing(reason)),
    };
    let mut lacking = ours.lacking(&theirs, &again);
    if !lacking.is_empty() {
        // Once more: what depends on time or on the load of the machine may go well now.
        lacking = image.ask()?.lacking(&theirs, &again);
    }
    if lacking.is_empty() {
        return Some(Found::Equal(image.report.size()));
    }
    let silent = is_silent(&image.builder, &image.report, &lacking);
    Some(Found::Worse { lacking, silent })
}

/// Whether nothing of what is lacking, in the image's words or as a path in the installation's, is named by what `mikron explain` lists as left out, and by what the build lists of
/// scripts.
pub(crate) fn is_silent(builder: &Builder, report: &BuildReport, lacking: &[String]) -> bool {
    let Ok(explained) = builder.explain() else {
        return true;
    };
    let overviews = explained.overviews();
    let listed = overviews.iter().map(|overview| {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            overview.left_out,
            overview.parts_left_out,
            overview.without,
            overview.modules,
            overview.unmet
        )
    });
    let scripts = report
        .platforms
        .iter()
        .flat_map(|platform| &platform.scripts);
    let scripts = scripts.map(|script| format!("{:?}", script.uncovered));
    let listed: Vec<String> = listed.chain(scripts).collect();
    let listed = listed.join(" ").to_lowercase();
    // Names of files, modules and programs in what was said: what comes before the comparison is the image's.
    let words = lacking.iter().flat_map(|line| {
        let ours = line.split(" | instead of: ").next().unwrap_or(line);
        let ours = ours.split_once(": ").map_or(ours, |(_, said)| said);
        ours.split(|c: char| !(c.is_ascii_alphanumeric() || "._-+/".contains(c)))
            .map(|word| word.trim_matches(['.', '/']).to_lowercase())
            .map(|word| word.rsplit('/').next().unwrap_or_default().to_owned())
    });
    let said = words
        .filter(|word| word.len() > 3 && !COMMON.contains(&word.as_str()))
        .any(|word| listed.contains(&word));
    // A file that the installation speaks of and the image does not, by its whole path.
    let unsaid = lacking.iter().any(|line| {
        let Some((ours, theirs)) = line.split_once(" | instead of: ") else {
            return false;
        };
        let paths = theirs.split_whitespace().filter(|word| {
            word.starts_with('/') && word.matches('/').count() > 1 && !ours.contains(word)
        });
        let mut paths = paths.map(|path| format!("\"{}\"", path.to_lowercase()));
        paths.any(|path| listed.contains(&path))
    });
    !said && !unsaid
}

/// Words of messages that are no names.
const COMMON: [&str; 24] = [
    "error",
    "file",
    "found",
    "module",
    "named",
    "directory",
    "such",
    "cannot",
    "open",
    "shared",
    "object",
    "load",
    "nothing",
    "exit",
    "program",
    "usage",
    "version",
    "command",
    "library",
    "import",
    "package",
    "with",
    "from",
    "that",
];

/// A static busybox, out of the archive. `None` where there is no mirror.
fn busybox() -> Option<PathBuf> {
    static MADE: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.is_none() {
        let dir = cache().join("busybox-static");
        let program = dir.join("bin/busybox");
        if !program.exists() {
            let temporary = TempDir::new().unwrap();
            let spec = "mikron: 1\nname: b\nsources:\n  debian: { deb: bookworm }\npackages: [busybox-static]\n";
            let builder = builder(spec, temporary.path())?;
            builder.build().unwrap_or_else(|error| panic!("{error}"));
            let lock = builder.lock().unwrap_or_else(|error| panic!("{error}"));
            let mut locked = lock.platforms.values().flat_map(|locked| &locked.packages);
            let own = locked.find(|package| package.name.as_str() == "busybox-static");
            let deb = archive(&own.expect("it was asked for").digest.hex());
            let extracted = Command::new("dpkg-deb")
                .arg("--extract")
                .arg(deb)
                .arg(&dir)
                .status();
            assert!(extracted.is_ok_and(|status| status.success()), "dpkg-deb");
        }
        *made = Some(program);
    }
    made.clone()
}

/// A minimal Debian with the interpreter of a family, which packages are installed over. `None` where this machine cannot.
fn base(family: Family) -> Option<Base> {
    let interpreter = match family {
        Family::Code(language) => Some(language.interpreter(&[])),
        Family::Programs | Family::Daemons => None,
    };
    let dir = cache().join("installed");
    Base::prepare_with(&dir, "bookworm", interpreter.as_deref())
}

/// What two runs of the probe give in a full installation of the packages by apt, with their scripts and without what they
/// recommend; kept from run to run, since archives do not change.
fn full(drawn: &Drawn, image: &Image) -> Option<Result<[Outcome; 2], String>> {
    // Installing loads disks and takes locks: one at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let kept = cache().join("thousand");
    fs::create_dir_all(&kept).unwrap();
    let asked = mikron::package::Digest::of(format!("{:?}", image.probe).as_bytes());
    let kept = kept.join(format!(
        "{}-{}-{}-3.json", // the number changes with what installations are like
        drawn.name(),
        &image.digest[..12],
        &asked.hex()[..12]
    ));
    if let Ok(text) = fs::read_to_string(&kept) {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let outcomes = [&value[0], &value[1]].map(Outcome::from_json);
        if let [Some(first), Some(second)] = outcomes {
            return Some(Ok([first, second]));
        }
    }
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<&str> = drawn.packages.iter().map(String::as_str).collect();
    let installed = base(drawn.family)?.install(&names);
    drop(guard);
    let Some(installed) = installed else {
        return Some(Err("apt does not install it".into()));
    };
    let busybox = busybox()?;
    // Each over the installation as it is: what a first start makes up and keeps is made up anew.
    let ask = || {
        let overlay = Overlay::over(&installed.root());
        let bundle = image.bundle.with_rootfs(&overlay.root())?;
        Some(image.probe.run(&bundle, &busybox))
    };
    let outcomes = [ask()?, ask()?];
    let [first, second] = &outcomes;
    let text = serde_json::json!([first.to_json(), second.to_json()]).to_string();
    fs::write(kept, text).unwrap();
    Some(Ok(outcomes))
}
