//! The spec: one document that describes one image.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mikron_package::{Architecture, Digest, Limits, Platform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::{Accounts, RunAs};
use crate::check;
use crate::error::{Document, SpecError, SpecErrorKind};
use crate::family::SourceForm;
use crate::file::FileEntry;
use crate::image::ImageSpec;
use crate::image_ref::ImageRef;
use crate::layers::Layers;
use crate::lock::LockedRequest;
use crate::reader::{Base, NoBases, Reader};
use crate::request::{PackageRequest, Select};
use crate::source::Source;
use crate::text::{ValueError, shown};

/// The description of one image.
///
/// A program can fill it in itself and call [`Spec::validate`]; a document goes through [`Spec::parse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "Mikron spec")]
pub struct Spec {
    /// The version of this schema: 1.
    pub mikron: SchemaVersion,
    /// The image's name: lower-case letters, digits, `.`, `_`, `-`.
    #[schemars(regex(pattern = "^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*$"))]
    pub name: String,
    /// What the image is for; `runtime` if not given.
    #[serde(default, skip_serializing_if = "Kind::is_runtime")]
    pub kind: Kind,
    /// The spec of the image that runs what this one (`kind: build`) builds, relative to the spec. Of the libraries in this image
    /// that one must have no other version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// The image that this one begins with: its layers stay as they are, and what is in it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ImageRef>,
    /// Where packages come from, by a name of your choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Source>,
    /// The packages that the image is about. What they need follows by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackageRequest>,
    /// How much of the packages the image takes; `minimal` if not given, and `full` for `kind: build`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// Files and directories with capabilities that are defined by hand, relative to the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<DefinitionSource>,
    /// Files with further rules for needs that files do not say of themselves, relative to the spec. `none` in place of the list:
    /// not even the rules of the product hold, and [`Spec::has_no_rules`] is true.
    #[serde(
        default,
        deserialize_with = "rules",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "rules_schema")]
    pub rules: Vec<String>,
    /// Rules that hold although they hold only when asked for: needs that are known and else left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Rules that do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Files with further tables of what installations do, relative to the spec: commands of scripts that have no place in an image,
    /// steps that only a program can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installation: Vec<String>,
    /// Whether needs fail the build that are only listed else: those of files that are in the image because packages are taken
    /// whole, and that nothing else reaches; `false` if not given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict: bool,
    /// Files that the spec itself brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEntry>,
    /// Certificate authorities that the image trusts besides those of its packages: files in PEM, which may hold several each, or
    /// directories of such files, relative to the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// Capabilities of files, as setcap(8) takes them, by path: of files that packages bring, or the spec.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub file_capabilities: BTreeMap<String, String>,
    /// Patterns of paths that are left out, from `/`; `*` stays in one directory, `**` does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Users and groups besides those of the packages.
    #[serde(default, skip_serializing_if = "Accounts::is_empty")]
    pub accounts: Accounts,
    /// Whom the process runs as; `root` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAs>,
    /// What a container engine is told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub image: ImageSpec,
    /// Whether the image says what packages are in it, in the words of their family, for scanners and package tools; `true` if
    /// not given.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub package_database: bool,
    /// The platforms that are built; `linux/amd64` if not given, whatever machine builds.
    #[serde(
        default = "default_platforms",
        deserialize_with = "platforms",
        skip_serializing_if = "is_default_platforms"
    )]
    #[schemars(schema_with = "platforms_schema")]
    pub platforms: Vec<Platform>,
    /// How the content is cut into layers.
    #[serde(default, skip_serializing_if = "Layers::is_default")]
    pub layers: Layers,
}

/// What stands in place of a list of rules where none are to hold.
const NO_RULES: &str = "none";

impl Spec {
    /// A spec with this name and nothing in it.
    pub fn new(name: &str) -> Self {
        Self {
            mikron: SchemaVersion::default(),
            name: name.to_owned(),
            kind: Kind::default(),
            pair: None,
            from: None,
            sources: BTreeMap::new(),
            packages: Vec::new(),
            select: None,
            definitions: Vec::new(),
            rules: Vec::new(),
            with: Vec::new(),
            without: Vec::new(),
            installation: Vec::new(),
            strict: false,
            files: Vec::new(),
            certificates: Vec::new(),
            file_capabilities: BTreeMap::new(),
            remove: Vec::new(),
            accounts: Accounts::default(),
            run_as: None,
            image: ImageSpec::default(),
            package_database: true,
            platforms: default_platforms(),
            layers: Layers::default(),
        }
    }

    /// Whether no rules hold at all, not even those of the product (`rules: none`): the image has what files say of
    /// themselves, and slices exactly what they name.
    pub fn has_no_rules(&self) -> bool {
        self.rules == [NO_RULES]
    }

    /// Reads a spec that extends nothing but what comes with the product, without its variants. `file` is only used in messages.
    /// For the rest there is a [`Reader`].
    ///
    /// # Errors
    /// When `text` is larger than [`Limits::spec`], is not one well-formed YAML document, holds a key or value that is
    /// unknown here, or names something that is not there. The error says where.
    pub fn parse(file: &str, text: &str, limits: &Limits) -> Result<Self, SpecError> {
        Self::parse_with(&[], file, text, limits)
    }

    /// Reads a spec that may have sources of further families, by their forms.
    ///
    /// # Errors
    /// As [`Spec::parse`].
    pub fn parse_with(
        forms: &[&SourceForm],
        file: &str,
        text: &str,
        limits: &Limits,
    ) -> Result<Self, SpecError> {
        let reader = Reader {
            forms,
            limits,
            bases: &NoBases,
            params: &BTreeMap::new(),
            of_another: false,
        };
        let base = Base {
            name: file.to_owned(),
            identity: String::new(),
            text: text.to_owned(),
        };
        reader.read(base).map(|specs| specs.plain.spec)
    }

    /// Checks a spec that a program has put together, by the rules of [`Spec::parse`]. The errors have no place.
    ///
    /// # Errors
    /// When a name refers to nothing, or a value cannot be used.
    pub fn validate(&self) -> Result<(), SpecError> {
        self.validate_in(&Document::new(&self.name, ""))
    }

    /// Reads requests of the form `NAME_SLICE` as slices, where something defines slices and the package can be Debian's.
    /// [`Spec::parse`] has done so; of a spec that a program has put together, whoever builds it does.
    pub fn take_slices(&mut self) {
        crate::request::take_slices(&mut self.packages, &self.definitions, &self.sources);
    }

    pub(crate) fn validate_in(&self, document: &Document<'_>) -> Result<(), SpecError> {
        check::spec(self, document)
    }

    /// How much of the packages is taken where a package does not say otherwise.
    pub fn selection(&self) -> Select {
        self.select.unwrap_or(match self.kind {
            Kind::Runtime => Select::Minimal,
            Kind::Build => Select::Full,
        })
    }

    /// How much of one of the packages is taken.
    pub fn selection_of(&self, request: &PackageRequest) -> Select {
        request.select.unwrap_or_else(|| self.selection())
    }

    /// The spec as YAML that [`Spec::parse`] reads back as the same value. Comments of a document are not kept.
    pub fn to_yaml(&self) -> String {
        mikron_yaml::write(self)
    }

    /// The digest of what decides which packages are chosen: sources, packages, select and platforms, whatever their order
    /// and spelling in YAML. Equal digests mean that a lock of the one spec fits the other.
    pub fn resolution_digest(&self) -> Digest {
        let mut platforms = self.platforms.clone();
        platforms.sort_unstable();
        let value =
            serde_json::json!({ "platforms": platforms, "request": LockedRequest::of(self) });
        // A `serde_json::Value` keeps its keys sorted, so the text depends on the values alone.
        Digest::of(value.to_string().as_bytes())
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
fn is_true(value: &bool) -> bool {
    *value
}

fn default_platforms() -> Vec<Platform> {
    vec![Platform::linux(Architecture::Amd64)]
}

fn is_default_platforms(platforms: &[Platform]) -> bool {
    platforms == default_platforms()
}

/// A platform with our message and suggestion.
struct PlatformName(Platform);

impl FromStr for PlatformName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|_| {
            let names: Vec<String> = known_platforms();
            let names = names.iter().map(String::as_str);
            let full = if text.contains('/') {
                text.to_owned()
            } else {
                format!("linux/{text}")
            };
            let other_name = match full.as_str() {
                "linux/x86_64" | "linux/x86-64" => Some("linux/amd64"),
                "linux/aarch64" => Some("linux/arm64"),
                "linux/armhf" | "linux/arm" => Some("linux/arm/v7"),
                "linux/i386" => Some("linux/386"),
                "linux/ppc64el" => Some("linux/ppc64le"),
                _ => None,
            };
            let help = match other_name.or_else(|| mikron_yaml::nearest(&full, names.clone())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", mikron_yaml::list(names)),
            };
            ValueError::new(format!("`{}` is not a platform", shown(text)), help)
        })
    }
}

impl<'de> Deserialize<'de> for PlatformName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parse(deserializer, "a platform, as in `linux/amd64`")
    }
}

fn known_platforms() -> Vec<String> {
    let all = Architecture::ALL.into_iter();
    all.map(|a| Platform::linux(a).to_string()).collect()
}

fn platforms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Platform>, D::Error> {
    let names = Vec::<PlatformName>::deserialize(deserializer)?;
    Ok(names.into_iter().map(|name| name.0).collect())
}

fn platforms_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": known_platforms() },
        "minItems": 1,
        "uniqueItems": true,
        "default": ["linux/amd64"],
    })
}

/// A list of files, or the word `none` alone, which stands as the only item then.
fn rules<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct FilesOrNone;

    impl<'de> serde::de::Visitor<'de> for FilesOrNone {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of files, or `none`")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            match text {
                NO_RULES => Ok(vec![NO_RULES.to_owned()]),
                other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
            }
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(FilesOrNone)
}

fn rules_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "string", "enum": [NO_RULES] },
        ],
    })
}

/// Where definitions of capabilities are read from.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged)]
pub enum DefinitionSource {
    /// A file, or a directory whose `*.yaml` files are read in order of name.
    Path(String),
    /// A directory of slice definitions in the form of chisel.
    Chisel(ChiselSource),
}

/// A directory of slice definitions in the form of chisel.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ChiselSource {
    /// The directory, which holds `chisel.yaml` and `slices/`.
    pub chisel: String,
}

/// What an image is for.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// To run a program.
    #[default]
    Runtime,
    /// To build programs in: a toolchain, with whole packages.
    Build,
}

impl Kind {
    #[allow(clippy::trivially_copy_pass_by_ref)] // the shape that serde asks for
    fn is_runtime(&self) -> bool {
        *self == Self::Runtime
    }
}

/// The version of the schema that a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaVersion(u32);

impl SchemaVersion {
    /// The version that this crate reads and writes.
    pub const CURRENT: u32 = 1;

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for SchemaVersion {
    fn default() -> Self {
        Self(Self::CURRENT)
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SchemaVersion {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == Self::CURRENT.to_string() {
            return Ok(Self(Self::CURRENT));
        }
        let kind = SpecErrorKind::SchemaVersion {
            found: shown(text),
            supported: Self::CURRENT,
        };
        Err(ValueError::new(kind.to_string(), "write `mikron: 1`"))
    }
}

impl Serialize for SchemaVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parse(deserializer, "the number 1")
    }
}

impl JsonSchema for SchemaVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "The version of the schema", "const": 1 })
    }
}
