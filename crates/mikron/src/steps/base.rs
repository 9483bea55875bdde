//! The image that a spec builds on (`from`): opened, and read for one platform.
//!
//! Where an image lies is known in [`open`] alone. What is in it becomes what everything else works on: packages with facts, entries
//! of a tree ([`Lower`]), and packages that the solver takes as they are ([`OnBase`]).

mod join;
mod lower;
mod open;
mod read;
mod universe;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mikron_facts::{Spool, Symbols};
use mikron_oci::mutate;
use mikron_oci::{Image, ImageError};
use mikron_package::{Digest, Platform};
use mikron_spec::{ImageRef, SpecErrorKind};

pub(crate) use join::joined;
pub(crate) use lower::Lower;
pub(crate) use open::layout_target;
pub(crate) use read::name;
pub(crate) use universe::{Installed, OnBase};

use crate::Error;
use crate::files::Beside;
use crate::order::Order;
use crate::session::Session;

/// What a base is called beside the packages: the package that has what no package there has, and the source of those that are in it.
pub(crate) const BASE: &str = "base-image";

/// The image that a spec builds on.
pub(crate) struct Base {
    pub(crate) image: ImageRef,
    /// The digest of its manifest or index.
    pub(crate) digest: Digest,
    /// Its name, where the place that it lies in has one that is worth something elsewhere.
    pub(crate) name: Option<String>,
    images: BTreeMap<Platform, Arc<dyn Image>>,
    /// What was read of it.
    read: Mutex<BTreeMap<Platform, Arc<Lower>>>,
}

impl Base {
    /// Opens what the spec names, and sees that it is there for some platforms.
    ///
    /// # Errors
    /// When it cannot be opened, is not the one that the spec pins, or has no image for one of the platforms. They stand at their place
    /// in the spec.
    pub(crate) fn open(
        order: &Order,
        beside: &Beside,
        session: &Session,
        platforms: &[Platform],
    ) -> Result<Option<Self>, Error> {
        let Some(image) = &order.spec.from else {
            return Ok(None);
        };
        let opened = open::open(image, beside, &session.limits).map_err(|error| match error {
            Error::Outside(_) => error,
            other => fault(order, format!("cannot build on {image}: {other}"), ""),
        })?;
        if let Some(pinned) = image.digest.filter(|pinned| *pinned != opened.digest) {
            let message = format!(
                "{} is {}, and the spec pins {pinned}",
                ImageRef {
                    digest: None,
                    ..image.clone()
                },
                opened.digest
            );
            let help = "take the image that the digest names, or write the digest that is there";
            return Err(fault(order, message, help));
        }
        let found = mutate::images(&opened.root);
        let found = found.map_err(|error| broken(order, image, &error))?;
        let mut images: BTreeMap<Platform, Arc<dyn Image>> = BTreeMap::new();
        for (platform, image) in found {
            images.entry(platform).or_insert(image);
        }
        if let Some(lacking) = platforms.iter().find(|one| !images.contains_key(one)) {
            let known: Vec<String> = images.keys().map(ToString::to_string).collect();
            let known = match known.as_slice() {
                [] => "none that runs".to_owned(),
                known => known.join(", "),
            };
            let message = format!("{image} has no image for {lacking}: it has {known}");
            let help = "leave the platform out, or build on an image that has it";
            return Err(fault(order, message, help));
        }
        tracing::debug!(%image, digest = %opened.digest, "base");
        Ok(Some(Self {
            image: image.clone(),
            digest: opened.digest,
            name: opened.name,
            images,
            read: Mutex::default(),
        }))
    }

    /// Its image for a platform.
    pub(crate) fn image(&self, platform: Platform) -> Option<&Arc<dyn Image>> {
        self.images.get(&platform)
    }

    /// What is in it for a platform; read once.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be built on with the families of the spec's sources.
    pub(crate) fn lower(
        &self,
        platform: Platform,
        order: &Order,
        session: &Session,
        symbols: &Symbols,
        spool: &Spool,
    ) -> Result<Option<Arc<Lower>>, Error> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lower) = known.get(&platform) {
            return Ok(Some(Arc::clone(lower)));
        }
        let Some(image) = self.images.get(&platform) else {
            return Ok(None);
        };
        let reader = read::Reader {
            session,
            symbols,
            spool,
        };
        let lower = reader.read(Arc::clone(image)).map_err(|error| match error {
            read::ReadError::Image(error) => broken(order, &self.image, &error),
            read::ReadError::Unread(family) => {
                let message = format!(
                    "{} has packages of the family {family}, whose database in an image is not read",
                    self.image
                );
                let help = "build on an image with packages of Debian, or on one without a package database";
                fault(order, message, help)
            }
            read::ReadError::Other(error) => {
                let message = format!("cannot build on {}: {error}", self.image);
                fault(order, message, "")
            }
        })?;
        lower.fits(&order.spec).map_err(|(message, help)| {
            fault(
                order,
                format!("cannot build on {}: {message}", self.image),
                help,
            )
        })?;
        let lower = Arc::new(lower);
        known.insert(platform, Arc::clone(&lower));
        Ok(Some(lower))
    }
}

/// An error at the place where the spec names its base.
fn fault(order: &Order, message: String, help: &str) -> Error {
    let help = Some(help.to_owned()).filter(|help| !help.is_empty());
    let document = order.text.document();
    document
        .error_at(&["from"], SpecErrorKind::Invalid(message), help)
        .into()
}

fn broken(order: &Order, image: &ImageRef, error: &ImageError) -> Error {
    let message = format!("cannot build on {image}: {error}");
    fault(
        order,
        message,
        "bring the image anew: what lies there is damaged or incomplete",
    )
}
