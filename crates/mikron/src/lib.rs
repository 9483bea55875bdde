//! Distroless OCI images from YAML, as a library.
//!
//! A [`Builder`] takes a spec, reads the packages that it names straight from their repositories, takes of each package only
//! what the image needs, and writes a reproducible OCI image. No package manager, no maintainer script, no container engine
//! runs, and nothing needs root. The `mikron` command is a thin face over this crate.
//!
//! ```no_run
//! let report = mikron::Builder::from_file("nginx.yaml")?
//!     .output(mikron::Output::layout("out/nginx", "latest"))
//!     .build()?;
//! println!("{} has {} bytes", report.digest, report.size());
//! # Ok::<(), mikron::Error>(())
//! ```
//!
//! The steps on the way are crates of their own, re-exported here: [`spec`], [`source`], [`solve`], [`facts`], [`select`], [`matrix`],
//! [`rootfs`], [`oci`], and [`package`] with what they share.
//!
//! # Features
//!
//! All are on by default; what a build lacks is refused as [`Error::NotBuiltIn`] or its like, never left out silently.
//!
//! - `http`: fetches over HTTP and HTTPS. Without it, [`Builder::fetch`] or files.
//! - `openpgp`: verifies repositories of deb and rpm packages; brings rPGP. Repositories of Alpine do without.
//! - `rpmdb`: writes the package database of images with rpm packages; brings SQLite.
//! - `slices`: takes slices of packages by chisel's definitions; `starlark`: runs their mutation scripts.

mod builder;
mod error;
mod families;
mod files;
mod first;
mod inspect;
mod order;
mod output;
mod reading;
mod report;
mod run;
mod session;
mod settings;
mod steps;
mod unpacked;
mod views;

pub use builder::Builder;
pub use error::{Candidate, Disagreement, Error, SourceFault, Unfound, UnfoundCause};
pub use families::{Families, FamilySource, PackageFamily, formats};
pub use first::{FirstSpec, FirstSpecError, first_spec};
pub use inspect::inspect_archive;
pub use order::Update;
pub use output::{Output, OutputError, OutputReason, Stream, archive_names};
pub use reading::Reading;
pub use report::{BuildReport, LayerReport, PackageReport, PlatformReport, ScriptReport};
pub use session::{Session, SessionOptions};
pub use settings::{Setting, Settings};
pub use unpacked::{CollectedRoots, UnpackedImage, collect_unpacked, unpack_layout};
pub use views::capabilities::PackageCapabilities;
pub use views::diff::{archive_inventory, layout_inventory, lock_inventory};
pub use views::explain::{
    Answer, Explanations, FoundPackage, Hint, Overview, PartLeftOut, Recommended,
};
pub use views::matrix::PlatformTokens;

pub use mikron_engine as engine;
pub use mikron_facts as facts;
pub use mikron_matrix as matrix;
pub use mikron_oci as oci;
pub use mikron_package as package;
pub use mikron_rootfs as rootfs;
pub use mikron_select as select;
#[cfg(feature = "slices")]
pub use mikron_slices as slice_definitions;
pub use mikron_solve as solve;
pub use mikron_source as source;
pub use mikron_spec as spec;
pub use mikron_unpack as unpack;
