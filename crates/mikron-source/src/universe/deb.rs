//! From a `Packages` stream to a compact index, in one pass and without holding the text.

use std::io::Read;

use mikron_deb::{Deb822Error, FieldId, RawFields, read_packages, scan_relations};
use mikron_package::{Limits, Operator, Origin};

use super::compact::CompactIndex;
use super::symbols::Mention;
use super::write::{WriteError, Writer};

/// Builds the compact form of an index from the unpacked text of a `Packages` file. Equal text gives equal bytes.
///
/// Packages that are neither of `architecture` nor `all` are left out, and so are stanzas that cannot be used
/// ([`CompactIndex::odd`] has them). `origin` names source and index in errors. A reader that checks digest and size at the end
/// of the stream belongs around the text: nothing of the result may be used before it has.
///
/// # Errors
/// As [`read_packages`].
pub fn build_index<R: Read>(
    input: R,
    architecture: &str,
    limits: &Limits,
    origin: &Origin,
) -> Result<CompactIndex, Deb822Error> {
    let mut builder = Builder {
        architecture: architecture.as_bytes(),
        writer: Writer::new(architecture),
    };
    let odd = read_packages(input, limits, origin, |package| {
        let added = builder.add(package);
        added.map_err(|error| error.in_file(origin))
    })?;
    let wanted = [architecture, "all", ""];
    builder
        .writer
        .odd
        .extend(odd, |odd| wanted.contains(&&*odd.arch));
    let finished = builder.writer.finish().map_err(own_fault);
    finished.map_err(|error| error.in_file(origin))
}

/// What has been read so far.
struct Builder<'a> {
    architecture: &'a [u8],
    writer: Writer,
}

impl Builder<'_> {
    fn add(&mut self, package: &RawFields<'_>) -> Result<(), Deb822Error> {
        let architecture = package.required(FieldId::Architecture)?;
        if architecture != self.architecture && architecture != b"all" {
            return Ok(());
        }
        let digest = package.digest()?;
        self.writer.begin().map_err(own_fault)?;
        for id in FieldId::ALL {
            let value = match (id, package.get(id)) {
                (FieldId::Sha256, _) => digest.as_bytes(),
                (_, None | Some(b"")) => continue,
                (_, Some(value)) => value,
            };
            self.writer.field(id, value);
            if id == FieldId::Provides {
                self.provide(package.required(FieldId::Package)?, value)?;
            }
        }
        let essential = package.get(FieldId::Essential).unwrap_or_default();
        self.writer.end(essential.eq_ignore_ascii_case(b"yes"));
        Ok(())
    }

    /// Notes the provided names of the record that is being added.
    fn provide(&mut self, own: &[u8], value: &[u8]) -> Result<(), Deb822Error> {
        for relation in scan_relations(value) {
            let relation = relation?;
            // Nothing is satisfied by what is provided with another operator than `=`.
            let exact = relation.version.is_none_or(|(op, _)| op == Operator::Equal);
            if exact && relation.name.as_bytes() != own {
                let noted = self.writer.mention(Mention::Provides, relation.name);
                noted.map_err(own_fault)?;
            }
        }
        Ok(())
    }
}

fn own_fault(error: WriteError) -> Deb822Error {
    match error {
        WriteError::Limit(error) => Deb822Error::new(error),
        // What was just written cannot be read: never seen, and not worth a panic.
        other => Deb822Error::new(std::io::Error::other(other)),
    }
}
