//! Services of the battery beside full installations of their packages.

use mikron::spec::Spec;
use mikron_live::battery::{Installation, Service};
use mikron_live::installed::{Base, Installed};
use mikron_live::runtime::Bundle;

/// The services of a list that are called so, or all where nothing is wanted.
pub(crate) fn chosen<'a>(
    list: &'a [Service],
    wanted: &'a [String],
) -> impl Iterator<Item = &'a Service> {
    list.iter()
        .filter(|service| wanted.is_empty() || wanted.iter().any(|name| name == service.name))
}

/// A full installation of a service's packages, with what its spec brings.
pub(crate) struct Beside {
    /// Runs the installation as the image is run.
    pub(crate) bundle: Bundle,
    // What lies over the other ends first.
    _installation: Installation,
    pub(crate) installed: Installed,
}

impl Beside {
    /// Installs the packages of a service's spec beside its image. `None` where this machine cannot; the reason was printed.
    pub(crate) fn of(service: &Service, image: &Bundle, base: &Base) -> Option<Self> {
        let limits = mikron::package::Limits::default();
        let spec = Spec::parse(service.name, service.spec, &limits).unwrap();
        let names = spec.packages.iter().map(|package| package.name.as_str());
        let installed = base.install(&names.collect::<Vec<_>>())?;
        let paths = spec.files.iter().map(|file| file.path.to_string());
        let files: Vec<String> = paths
            .map(|path| format!("/{}", path.trim_start_matches('/')))
            .collect();
        let (installation, bundle) = Installation::over(&installed.root(), image, &files)?;
        for path in &spec.remove {
            // Those of the list are plain paths.
            let _ = std::fs::remove_file(installation.rootfs().join(path.trim_start_matches('/')));
        }
        Some(Self {
            bundle,
            _installation: installation,
            installed,
        })
    }
}
