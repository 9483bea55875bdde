//! The links of a2enmod(8), a2enconf(8) and a2ensite(8).

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::RootPath;
use mikron_shell::Call;

use super::options::Arguments;
use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::runs::CallSite;

/// Makes the links in /etc/apache2/{mods,conf,sites}-enabled that maintainer scripts ask for: by a2enmod, a2enconf, a2ensite, and by
/// `apache2_invoke` and `apache2_switch_mpm` of apache2-maintscript-helper.
///
/// As a2enmod(8) does, a module brings the modules of the `# Depends:` line of its .load file, and its .conf file where there is
/// one. A module whose library (`LoadModule`) is not in the image is not linked: the server would not start.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("apache", run)
        .reads(&["scripts"])
        .provides(&["/etc/apache2/*-enabled/*"])
}

/// What can be enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Module,
    Configuration,
    Site,
}

impl Kind {
    /// By the command's name behind `a2`: `enmod`.
    fn of(action: &str) -> Option<Self> {
        match action {
            "enmod" => Some(Self::Module),
            "enconf" => Some(Self::Configuration),
            "ensite" => Some(Self::Site),
            _ => None,
        }
    }

    /// The directory's name up to `-available`.
    fn dir(self) -> &'static str {
        match self {
            Self::Module => "mods",
            Self::Configuration => "conf",
            Self::Site => "sites",
        }
    }
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut wishes: BTreeMap<(Kind, String), Vec<CallSite>> = BTreeMap::new();
    let mut mpm: Option<String> = None;
    for (_, site, call) in work.calls() {
        if let Some((kind, names)) = enabled(call) {
            for name in names {
                wishes.entry((kind, name)).or_default().push(site.clone());
            }
        } else if let ("apache2_switch_mpm", Some([to])) =
            (call.name(), call.literal_arguments().as_deref())
        {
            mpm = Some(format!("mpm_{to}"));
            work.report.covered.insert(site);
        } else if is_offer(call) {
            let reason = "its script does not enable it by default".to_owned();
            work.report.irrelevant.insert(site, reason);
        }
    }
    // Only one of them can be loaded: the default gives way to what another package switches to.
    if let Some(mpm) = mpm {
        let mut replaced = Vec::new();
        wishes.retain(|(kind, name), sites| {
            let other = *kind == Kind::Module && name.starts_with("mpm_") && *name != mpm;
            if other {
                replaced.append(sites);
            }
            !other
        });
        let reason = format!("{mpm} takes its place");
        work.report.settle(replaced, Some(&reason));
        wishes.entry((Kind::Module, mpm)).or_default();
    }
    for ((kind, name), sites) in wishes {
        let fault = enable(work, kind, &name, &mut BTreeSet::new())?;
        work.report.settle(sites, fault.as_deref());
    }
    Ok(())
}

/// Makes the links of one name that was not `seen` yet; says why not where it cannot.
fn enable(
    work: &mut Work<'_>,
    kind: Kind,
    name: &str,
    seen: &mut BTreeSet<String>,
) -> Result<Option<String>, RootfsError> {
    // A name of a path would lead elsewhere; what depends on itself is enabled once.
    if name.contains('/') || name.starts_with('.') || !seen.insert(name.to_owned()) {
        return Ok(None);
    }
    let dir = kind.dir();
    let file = |state: &str, extension: &str| {
        RootPath::new(format!("etc/apache2/{dir}-{state}/{name}.{extension}").as_bytes())
    };
    let main = if kind == Kind::Module { "load" } else { "conf" };
    let at = file("available", main)?;
    let Some(text) = work.read(&at)? else {
        return Ok(Some(format!("{at} is not in the image")));
    };
    if kind == Kind::Module {
        let text = String::from_utf8_lossy(&text);
        if let Some(library) = libraries(&text).find(|path| !work.has(path)) {
            return Ok(Some(format!("{library} is not in the image")));
        }
        let needs = text
            .lines()
            .filter_map(|line| line.strip_prefix("# Depends:"));
        for needed in needs.flat_map(str::split_whitespace) {
            enable(work, kind, needed, seen)?;
        }
    }
    for extension in [main, "conf"] {
        if work.tree.lookup(&file("available", extension)?).is_some() {
            let target = format!("../{dir}-available/{name}.{extension}").into_bytes();
            work.link(&file("enabled", extension)?, target)?;
        }
    }
    Ok(None)
}

/// The libraries of `LoadModule NAME PATH` lines, where the path is absolute.
fn libraries(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let path = (words.next()? == "LoadModule").then(|| words.nth(1))??;
        path.starts_with('/').then_some(path)
    })
}

/// What a call enables.
fn enabled(call: &Call) -> Option<(Kind, Vec<String>)> {
    let arguments = Arguments::of(call, &[]);
    let mut names = arguments.literal_operands()?;
    let kind = match call.name() {
        "apache2_invoke" if !names.is_empty() => {
            let kind = Kind::of(names.remove(0))?;
            // A third word says how to tell the server, which does not run.
            names.truncate(1);
            kind
        }
        name => Kind::of(name.strip_prefix("a2")?)?,
    };
    let strip = |name: &str| {
        let stem = name.strip_suffix(".conf").or(name.strip_suffix(".load"));
        stem.unwrap_or(name).to_owned()
    };
    // Debian's PHP names this configuration behind a function that always refuses: it is offered, not enabled.
    let offered = |name: &&str| {
        kind == Kind::Configuration && name.starts_with("php") && name.ends_with("-fpm")
    };
    let names: Vec<&str> = names.into_iter().filter(|name| !offered(name)).collect();
    (!names.is_empty()).then(|| (kind, names.into_iter().map(strip).collect()))
}

/// Whether a call of the helper names nothing but what is offered.
fn is_offer(call: &Call) -> bool {
    let first = call.arguments().first();
    call.name() == "apache2_invoke" && first.is_some_and(|word| word.text == "enconf")
}
