//! The finalizers that Mikron brings.

mod accounts;
mod alternatives;
mod apache;
mod base;
mod ca_bundle;
mod declarations;
mod graphviz;
mod java_trust;
mod loader_cache;
pub(crate) mod options;
mod pam;
mod php;
mod pixbuf_loaders;
mod pointers;
mod scripts;
pub(crate) mod static_ids;
mod steps;
mod subject_hash;
mod tmpfiles;
pub(crate) mod user_calls;

pub use accounts::AccountsFinalizer;
pub use alternatives::{Alternative, AlternativesFinalizer, alternatives};
pub use apache::ApacheFinalizer;
pub use base::BaseFinalizer;
pub use ca_bundle::CaBundleFinalizer;
pub use graphviz::GraphvizFinalizer;
pub use java_trust::JavaTrustFinalizer;
pub use loader_cache::LoaderCacheFinalizer;
pub use pam::PamFinalizer;
pub use php::PhpFinalizer;
pub use pixbuf_loaders::PixbufLoadersFinalizer;
pub use scripts::{ScriptsFinalizer, is_template};
pub use steps::StepsFinalizer;
pub use tmpfiles::TmpfilesFinalizer;
pub use user_calls::scripted_accounts;
