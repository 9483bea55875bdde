//! The finalizers that Mikron brings.

mod accounts;
mod alternatives;
mod apache;
mod base;
mod ca_bundle;
mod copies;
mod declarations;
mod directories;
mod graphviz;
mod java_trust;
mod options;
mod pam;
mod php;
mod pixbuf_loaders;
mod pointers;
mod static_ids;
mod steps;
mod subject_hash;
mod user_calls;

pub use accounts::AccountsFinalizer;
pub use alternatives::{Alternative, AlternativesFinalizer, alternatives};
pub use apache::ApacheFinalizer;
pub use base::BaseFinalizer;
pub use ca_bundle::CaBundleFinalizer;
pub use copies::{CopiesFinalizer, is_template, sources_of};
pub use directories::DirectoriesFinalizer;
pub use graphviz::GraphvizFinalizer;
pub use java_trust::JavaTrustFinalizer;
pub use pam::PamFinalizer;
pub use php::PhpFinalizer;
pub use pixbuf_loaders::PixbufLoadersFinalizer;
pub use steps::StepsFinalizer;
pub use user_calls::scripted_accounts;
