//! Versions as repomd writes them: three attributes of one element.

use std::borrow::Cow;

/// Epoch, version and release as three attributes.
#[derive(Default)]
pub(super) struct Evr<'a> {
    epoch: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    release: Cow<'a, str>,
}

impl<'a> Evr<'a> {
    /// Takes an attribute, where it is one of the three.
    pub(super) fn set(&mut self, key: &str, value: Cow<'a, str>) {
        let field = match key {
            "epoch" => &mut self.epoch,
            "ver" => &mut self.version,
            "rel" => &mut self.release,
            _ => return,
        };
        *field = value;
    }

    /// `epoch:version-release`; an epoch of 0 is left out, and what is not there.
    pub(super) fn join(&self) -> String {
        let mut text = String::new();
        self.join_to(&mut text);
        text
    }

    /// The same behind a text.
    pub(super) fn join_to(&self, text: &mut String) {
        text.reserve(self.epoch.len() + self.version.len() + self.release.len() + 2);
        if !matches!(&*self.epoch, "" | "0") {
            text.push_str(&self.epoch);
            text.push(':');
        }
        text.push_str(&self.version);
        if !self.release.is_empty() {
            text.push('-');
            text.push_str(&self.release);
        }
    }
}
