//! Where the metadata of a repository lie: base URLs, mirror lists, metalinks.

use mikron_package::Origin;
use mikron_rpm::{Metalink, RepomdError, parse_metalink, parse_mirrorlist};

use super::RpmRepository;
use crate::context::Context;
use crate::error::{SourceError, SourceErrorKind};
use crate::fetch::redact;

impl RpmRepository {
    /// All base URLs of the metadata, and what a metalink says of `repomd.xml`. Asks the mirror list where there is one.
    pub(super) fn locate(
        &self,
        context: &Context<'_>,
    ) -> Result<(Vec<String>, Option<Metalink>), SourceError> {
        let Some(url) = &self.mirrors else {
            return Ok((self.current_bases(), None));
        };
        let fetched = context.downloader().small(
            "mirror list",
            std::slice::from_ref(url),
            context.limits.release,
            None,
        );
        let text = match fetched {
            Ok(small) => small.bytes.unwrap_or_default(),
            // Base URLs of the spec do without it.
            Err(error) if !self.bases.is_empty() => {
                context.warn(&format!(
                    "{}; the base URLs of the spec are taken",
                    self.error(error)
                ));
                return Ok((self.current_bases(), None));
            }
            Err(error) => return Err(self.error(error)),
        };
        let origin = Origin {
            source: self.name.clone(),
            archive: redact(url),
        };
        let malformed = |error: RepomdError| {
            self.error(SourceErrorKind::Malformed {
                url: redact(url),
                error: error.into(),
            })
        };
        let metalink = if text.trim_ascii_start().starts_with(b"<") {
            Some(parse_metalink(&text, context.limits, &origin).map_err(malformed)?)
        } else {
            None
        };
        let urls = match &metalink {
            Some(metalink) => metalink.urls.clone(),
            None => parse_mirrorlist(&text, context.limits, &origin).map_err(malformed)?,
        };
        self.remember_mirrors(&urls);
        Ok((self.current_bases(), metalink))
    }

    /// Asks for the mirrors of an archive, where they are not known yet.
    pub(super) fn prepare_for(
        &self,
        context: &Context<'_>,
        location: &str,
    ) -> Result<(), SourceError> {
        if self.mirrors.is_none() || context.offline {
            return Ok(());
        }
        if !self.is_per_architecture() {
            if self.known_mirrors().is_empty() {
                self.locate(context)?;
            }
            return Ok(());
        }
        let mut places = Self::of_location(location)
            .into_iter()
            .map(|architecture| self.for_architecture(architecture));
        // Where the name does not tell the architecture, any place that was asked already will have it.
        if places
            .clone()
            .any(|place| !place.known_mirrors().is_empty())
        {
            return Ok(());
        }
        let first = places.next().map(|place| place.locate(context).map(drop));
        match first {
            Some(Err(error)) => places
                .find_map(|place| place.locate(context).ok())
                .map_or(Err(error), |_| Ok(())),
            _ => Ok(()),
        }
    }

    /// Keeps what a mirror list named, for the archives.
    pub(super) fn remember_mirrors(&self, urls: &[String]) {
        if let (Some(list), Ok(mut found)) = (&self.mirrors, self.found.0.lock())
            && !urls.is_empty()
        {
            found.insert(list.clone(), urls.to_vec());
        }
    }

    /// What the mirror list named so far.
    pub(super) fn known_mirrors(&self) -> Vec<String> {
        let (Some(list), Ok(found)) = (&self.mirrors, self.found.0.lock()) else {
            return Vec::new();
        };
        found.get(list).cloned().unwrap_or_default()
    }
}
