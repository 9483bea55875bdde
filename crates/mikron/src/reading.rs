//! How a spec is read: with what it extends, under which policy, with which parameters.

use std::path::PathBuf;

use mikron_spec::{Base, Policy, builtin};

use crate::families::Families;
use crate::order::{Order, Terms};
use crate::{Builder, Error};

/// How a spec is read, where [`Builder::from_file`] does not do.
///
/// ```no_run
/// let builder = mikron::Reading::default().param("SUITE", "trixie").file("image.yaml")?;
/// let report = builder.output(mikron::Output::layout("target/image", "latest")).build()?;
/// # Ok::<(), mikron::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Reading {
    terms: Terms,
}

impl Reading {
    /// Lets the spec have sources of these families.
    #[must_use]
    pub fn families(mut self, families: Families) -> Self {
        self.terms.families = families;
        self
    }

    /// What the spec may name. The files that it extends are read at once, and so it is said here, too, and not to
    /// the builder alone, by whoever does not know the author.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.terms.policy = policy;
        self
    }

    /// Gives a parameter of the spec (`params`) a value.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.terms.params.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Reads a file, and what it extends.
    ///
    /// # Errors
    /// When a file cannot be read, is no spec, or may not be named.
    pub fn file(&self, path: impl Into<PathBuf>) -> Result<Builder, Error> {
        Ok(self.builder(Order::of_file(&self.terms, path.into())?))
    }

    /// Reads a text, as [`Builder::from_text`] does.
    ///
    /// # Errors
    /// As [`Reading::file`].
    pub fn text(
        &self,
        name: &str,
        text: impl Into<String>,
        directory: impl Into<PathBuf>,
    ) -> Result<Builder, Error> {
        let base = Base {
            name: name.to_owned(),
            identity: String::new(),
            text: text.into(),
        };
        self.read(base, directory.into().join(name))
    }

    /// Reads a spec that comes with the product by its name, as in `nginx`. Its lock would lie in the working directory.
    ///
    /// # Errors
    /// When there is no such spec, or a parameter is none of it.
    pub fn builtin(&self, name: &str) -> Result<Builder, Error> {
        let text = format!("mikron: 1\nextends: [builtin/{name}]\n");
        let base = Base {
            name: format!("builtin/{name}"),
            identity: String::new(),
            text: builtin(name).map_or(text, str::to_owned),
        };
        self.read(base, PathBuf::from(format!("{name}.yaml")))
    }

    fn read(&self, base: Base, file: PathBuf) -> Result<Builder, Error> {
        Ok(self.builder(Order::read(&self.terms, base, file)?))
    }

    fn builder(&self, order: Order) -> Builder {
        Builder::new(order).policy(self.terms.policy.clone())
    }
}
