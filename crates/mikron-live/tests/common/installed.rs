//! Images of packages beside a real installation of them.

use mikron::Output;
use mikron_live::installed::{Base, Difference, Listing, differences, lacking};
use mikron_live::runtime;
use tempfile::TempDir;

use super::{builder, cache};

/// How much of the packages an image takes.
pub(crate) const SELECTIONS: [&str; 2] = ["minimal", "full"];

/// An image beside the installation.
pub(crate) struct Compared {
    /// `minimal` or `full`.
    pub(crate) select: &'static str,
    /// How many paths of the image were compared.
    pub(crate) paths: usize,
    /// What differs; for `full`, what the image lacks as well.
    pub(crate) differences: Vec<Difference>,
}

/// What a comparison found.
pub(crate) enum Outcome {
    /// Both images beside the installation.
    Compared(Vec<Compared>),
    /// An image is not built.
    NotBuilt(String),
}

/// The minimal Debian that all installations share. `None` where this machine cannot.
pub(crate) fn base() -> Option<Base> {
    Base::prepare(&cache().join("installed"), "bookworm")
}

/// Builds the images of packages, installs what was solved for them, and compares. `None` where this machine cannot, or the
/// packages are not installable; the reason was printed.
pub(crate) fn compare(base: &Base, packages: &[&str]) -> Option<Outcome> {
    let dir = TempDir::new().unwrap();
    let mut images: Vec<(&str, Listing)> = Vec::new();
    let mut solved: Vec<String> = Vec::new();
    for select in SELECTIONS {
        let spec = format!(
            "mikron: 1\nname: installed\nsources:\n  debian: {{ deb: bookworm }}\npackages: [{}]\n\
             select: {select}\nlayers: {{ compression: 'zstd:1' }}\n",
            packages.join(", ")
        );
        let platform = "linux/amd64".parse().unwrap();
        let layout = dir.path().join(select);
        let builder = builder(&spec, dir.path())?.platform(platform);
        let lock = builder.lock();
        let built = builder.output(Output::layout(&layout, "latest")).build();
        let lock = match (built, lock) {
            (Ok(_), Ok(lock)) => lock,
            (Err(error), _) | (_, Err(error)) => {
                return Some(Outcome::NotBuilt(format!("{select}: {error}")));
            }
        };
        let packages = lock.platforms[&platform].packages.iter();
        solved.extend(packages.map(|package| package.name.to_string()));
        let root = dir.path().join(format!("{select}-root"));
        runtime::extract(&layout, &root)?;
        images.push((select, Listing::of(&root)));
    }
    let names: Vec<&str> = solved.iter().map(String::as_str).collect();
    let installation = base.install(&names)?;
    let (installed, base) = (installation.listing(), installation.base());
    let compared = images.into_iter().map(|(select, image)| {
        let (paths, mut found) = differences(&image, &installed);
        if select == "full" {
            found.extend(lacking(&image, &installed, &base));
        }
        Compared {
            select,
            paths,
            differences: found,
        }
    });
    Some(Outcome::Compared(compared.collect()))
}
