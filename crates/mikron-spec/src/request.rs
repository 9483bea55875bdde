//! The packages that a spec asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mikron_package::{Constraint, Family, Operator, PackageName, Relation, Requirement, Version};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::source::Source;
use crate::spec::DefinitionSource;
use crate::text::{ValueError, scalar, shown};

/// How much of the packages the image takes.
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
pub enum Select {
    /// The closure of capabilities: the files that are reached, and no others.
    #[default]
    Minimal,
    /// The closure of dependencies, of each package what is used at run time.
    Package,
    /// Whole packages.
    Full,
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimal => "minimal",
            Self::Package => "package",
            Self::Full => "full",
        })
    }
}

/// A root: a package that the spec asks for. What it needs follows by itself.
///
/// In YAML it is `NAME`, `NAME:CAPABILITY`, `NAME_SLICE`, or a mapping. `NAME_SLICE` is read so where the spec has slices and its
/// packages are Debian's, whose names have no `_` (deb-control(5)); elsewhere it is a name like `mod_ssl`.
///
/// ```
/// use mikron_spec::PackageRequest;
/// let request: PackageRequest = "ca-certificates:bundle".parse()?;
/// assert_eq!(request.name.as_str(), "ca-certificates");
/// assert_eq!(request.capabilities, ["bundle"]);
/// let request: PackageRequest = "mod_ssl".parse()?;
/// assert_eq!(request.name.as_str(), "mod_ssl");
/// # Ok::<(), mikron_spec::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRequest {
    /// The package.
    pub name: PackageName,
    /// The source that it has to come from; without it any.
    pub source: Option<String>,
    /// The versions that will do; without it any.
    pub version: Option<VersionRange>,
    /// The capabilities that are taken; empty for what the selection brings by itself.
    pub capabilities: Vec<String>,
    /// The slices that are taken, with all that is essential to them; then nothing else is taken of the package but what
    /// files need of it.
    pub slices: Vec<String>,
    /// How much of this package is taken, where it differs from the spec.
    pub select: Option<Select>,
}

impl PackageRequest {
    /// A request for any version from any source.
    pub fn new(name: PackageName) -> Self {
        Self {
            name,
            source: None,
            version: None,
            capabilities: Vec::new(),
            slices: Vec::new(),
            select: None,
        }
    }

    /// The request as a solver takes it. The source is not part of it.
    pub fn requirement(&self) -> Requirement {
        let constraints = self.version.as_ref().map_or(&[][..], |range| &range.0);
        let relation = |constraint: &Constraint| {
            Requirement::One(Relation {
                constraint: Some(constraint.clone()),
                ..Relation::named(self.name.clone())
            })
        };
        match constraints {
            [] => Requirement::One(Relation::named(self.name.clone())),
            [one] => relation(one),
            several => Requirement::All(several.iter().map(relation).collect()),
        }
    }

    /// The request with what stands behind the first `_` of its name as a slice, where that is what it can be.
    fn sliced(&self) -> Option<Self> {
        let (name, slice) = self.name.as_str().split_once('_')?;
        if !self.name.is_plain() {
            return None;
        }
        check_slice(slice).ok()?;
        Some(Self {
            name: package_name(name).ok()?,
            slices: vec![slice.to_owned()],
            ..self.clone()
        })
    }

    /// Whether the short form says everything.
    fn is_short(&self) -> bool {
        self.source.is_none()
            && self.version.is_none()
            && self.select.is_none()
            && self.capabilities.len() + self.slices.len() <= 1
    }
}

impl fmt::Display for PackageRequest {
    /// The short form, with version and source behind it where there are any: `tzdata (>= 2024a) from debian`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.capabilities.is_empty() {
            write!(f, ":{}", self.capabilities.join(","))?;
        }
        if !self.slices.is_empty() {
            write!(f, "_{}", self.slices.join(","))?;
        }
        if let Some(version) = &self.version {
            write!(f, " ({version})")?;
        }
        if let Some(source) = &self.source {
            write!(f, " from {source}")?;
        }
        if let Some(select) = &self.select {
            write!(f, " select {select}")?;
        }
        Ok(())
    }
}

impl FromStr for PackageRequest {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some((name, rest)) = text.split_once(['(', '=', '<', '>']) {
            let name = name.trim();
            let operator = text[name.len()..].trim_start_matches([' ', '(']);
            let range = operator.trim_end_matches(')');
            let _ = rest;
            return Err(ValueError::new(
                format!("`{}` is not a package name", shown(text)),
                format!(
                    "write `{{ name: {}, version: \"{}\" }}`",
                    shown(name),
                    shown(range)
                ),
            ));
        }
        let (name, capability) = match text.split_once(':') {
            _ if text.starts_with('/') => (text, None),
            Some((name, capability)) => (name, Some(capability)),
            None => (text, None),
        };
        let mut request = Self::new(package_name(name)?);
        if let Some(capability) = capability {
            check_capability(capability)?;
            request.capabilities.push(capability.to_owned());
        }
        Ok(request)
    }
}

/// Whether only a package can be meant by a request that can be cut into slices: then a `_` in its name is none of the name.
pub(crate) fn is_sliceable(request: &PackageRequest, sources: &BTreeMap<String, Source>) -> bool {
    families(request, sources).all(|family| family.slices)
}

fn families<'s>(
    request: &PackageRequest,
    sources: &'s BTreeMap<String, Source>,
) -> impl Iterator<Item = Family> + use<'s> {
    let named = request.source.as_ref().map(|name| sources.get(name));
    let one = named.flatten().into_iter();
    let all = named.is_none().then(|| sources.values());
    one.chain(all.into_iter().flatten())
        .map(|source| source.family)
}

/// Reads `NAME_SLICE` as a slice where something defines slices and the package can have some.
pub(crate) fn take_slices(
    packages: &mut [PackageRequest],
    definitions: &[DefinitionSource],
    sources: &BTreeMap<String, Source>,
) {
    let chisel = |source: &DefinitionSource| matches!(source, DefinitionSource::Chisel(_));
    if !definitions.iter().any(chisel) {
        return;
    }
    for request in packages {
        let sliceable = families(request, sources).any(|family| family.slices);
        if sliceable && let Some(sliced) = request.sliced() {
            *request = sliced;
        }
    }
}

/// The name of a package, or a path that packages of rpm and apk provide.
fn package_name(text: &str) -> Result<PackageName, ValueError> {
    let name = if text.starts_with('/') {
        PackageName::wanted(text)
    } else {
        text.parse()
    };
    name.map_err(|_| {
        ValueError::new(
            format!("`{}` is not a package name", shown(text)),
            "write the name alone, as in `libssl3`",
        )
    })
}

fn check_capability(text: &str) -> Result<(), ValueError> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._+".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(word) {
        return Ok(());
    }
    Err(ValueError::new(
        format!("`{}` is not the name of a capability", shown(text)),
        "write a lower-case word, as in `ca-certificates:bundle`",
    ))
}

/// Whether a text can be the name of a slice. The rules are chisel's: three or more of `a-z 0-9 -`, a letter in front, no `-` at the end or beside another.
pub(crate) fn check_slice(text: &str) -> Result<(), ValueError> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    let dashes = text.ends_with('-') || text.contains("--");
    if letter && !dashes && (3..=64).contains(&text.len()) && text.chars().all(word) {
        return Ok(());
    }
    Err(ValueError::new(
        format!("`{}` is not the name of a slice", shown(text)),
        "write package and slice with one `_` between, as in `nginx_bins`",
    ))
}

/// A package name of a mapping, with our message.
#[derive(Clone)]
struct Name(PackageName);

impl FromStr for Name {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        package_name(text).map(Self)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

scalar!(Name, "a package name", { "type": "string", "minLength": 1 });

/// The long form of a [`PackageRequest`] in YAML.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(
    rename = "PackageMapping",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
struct Form {
    /// The package.
    #[schemars(with = "String")]
    name: Name,
    /// The source that it has to come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The versions that will do, as in `>= 1.2` or `>= 1.2, << 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<VersionRange>,
    /// The capabilities that are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<CapabilityName>,
    /// The slices that are taken, and nothing else of the package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slices: Vec<SliceName>,
    /// How much of this package is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    select: Option<Select>,
}

/// The name of a capability, checked.
struct CapabilityName(String);

impl FromStr for CapabilityName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        check_capability(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

scalar!(CapabilityName, "the name of a capability", {
    "type": "string", "pattern": "^[a-z0-9._+-]{1,64}$",
});

/// The name of a slice, checked.
struct SliceName(String);

impl FromStr for SliceName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        check_slice(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for SliceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

scalar!(SliceName, "the name of a slice", {
    "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "minLength": 3, "maxLength": 64,
});

impl<'de> Deserialize<'de> for PackageRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = PackageRequest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a package name or a mapping with `name`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PackageRequest, E> {
                text.parse().map_err(ValueError::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PackageRequest, A::Error> {
                let form = Form::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PackageRequest {
                    name: form.name.0,
                    source: form.source,
                    version: form.version,
                    capabilities: form.capabilities.into_iter().map(|c| c.0).collect(),
                    slices: form.slices.into_iter().map(|s| s.0).collect(),
                    select: form.select,
                })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Serialize for PackageRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_short() {
            return serializer.collect_str(self);
        }
        Form {
            name: Name(self.name.clone()),
            source: self.source.clone(),
            version: self.version.clone(),
            capabilities: self
                .capabilities
                .iter()
                .cloned()
                .map(CapabilityName)
                .collect(),
            slices: self.slices.iter().cloned().map(SliceName).collect(),
            select: self.select,
        }
        .serialize(serializer)
    }
}

impl JsonSchema for PackageRequest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PackageRequest".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mapping = Form::json_schema(generator);
        schemars::json_schema!({
            "description": "A package: NAME, NAME:CAPABILITY, NAME_SLICE, or a mapping",
            "anyOf": [{ "type": "string", "minLength": 1 }, mapping],
        })
    }
}

/// The versions that will do: constraints that all have to hold, as in `>= 1.2, << 2`; a version alone means `=`.
///
/// The operators are Debian's (deb-control(5)): `<<`, `<=`, `=`, `>=`, `>>`.
///
/// ```
/// use mikron_spec::VersionRange;
/// let range: VersionRange = ">=1.2 , << 2".parse()?;
/// assert_eq!(range.to_string(), ">= 1.2, << 2");
/// # Ok::<(), mikron_spec::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange(pub Vec<Constraint>);

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Constraint { operator, version }) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{operator} {version}")?;
        }
        Ok(())
    }
}

impl FromStr for VersionRange {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.len() > 1024 {
            return Err(ValueError::new("the version is longer than 1024 bytes", ""));
        }
        text.split(',')
            .map(constraint)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn constraint(text: &str) -> Result<Constraint, ValueError> {
    let text = text.trim();
    let cut = text
        .find(|c: char| !"<>=!~^".contains(c))
        .unwrap_or(text.len());
    let (symbol, version) = (&text[..cut], text[cut..].trim());
    let operator = match symbol {
        "<<" => Operator::Less,
        "<=" => Operator::LessEqual,
        "" | "=" => Operator::Equal,
        ">=" => Operator::GreaterEqual,
        ">>" => Operator::Greater,
        other => {
            let help = match other {
                "<" => "write `<<` for strictly earlier, or `<=`",
                ">" => "write `>>` for strictly later, or `>=`",
                "==" => "write `=`",
                _ => "write one of `<<`, `<=`, `=`, `>=`, `>>`",
            };
            let message = format!("`{}` does not compare versions", shown(other));
            return Err(ValueError::new(message, help));
        }
    };
    // The families have stricter rules of their own; these characters are in none of them.
    if version.is_empty() || !version.chars().all(|c| c.is_ascii_graphic() && c != '/') {
        return Err(ValueError::new(
            format!("`{}` does not hold a version", shown(text)),
            "write an operator and a version, as in `>= 1.22`",
        ));
    }
    Ok(Constraint {
        operator,
        version: Version::new(version),
    })
}

scalar!(VersionRange, "a version, as in `>= 1.22`", {
    "description": "A version with an operator before it (`<<`, `<=`, `=`, `>=`, `>>`), several with commas between them",
    "type": ["string", "number"],
});
