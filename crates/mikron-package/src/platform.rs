//! The platforms that an image is built for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A processor architecture, by its OCI (Go) name; each family has names of its own.
///
/// ```
/// use mikron_package::Architecture;
/// assert_eq!(Architecture::Amd64.oci(), "amd64");
/// assert_eq!(Architecture::Amd64.rpm(), "x86_64");
/// assert_eq!(Architecture::from_deb("armhf"), Some(Architecture::ArmV7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit Arm with hardware floating point.
    ArmV7,
    /// 32-bit x86.
    I386,
    /// 64-bit little-endian POWER.
    Ppc64le,
    /// 64-bit little-endian RISC-V.
    Riscv64,
    /// IBM Z.
    S390x,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Amd64,
        Self::Arm64,
        Self::ArmV7,
        Self::I386,
        Self::Ppc64le,
        Self::Riscv64,
        Self::S390x,
    ];

    /// The OCI (Go) name, without the variant.
    pub fn oci(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::ArmV7 => "arm",
            Self::I386 => "386",
            Self::Ppc64le => "ppc64le",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
        }
    }

    /// The OCI variant where the architecture has one.
    pub fn oci_variant(self) -> Option<&'static str> {
        (self == Self::ArmV7).then_some("v7")
    }

    /// The Debian name (dpkg-architecture(1)).
    pub fn deb(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::ArmV7 => "armhf",
            Self::I386 => "i386",
            Self::Ppc64le => "ppc64el",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
        }
    }

    /// The rpm name.
    pub fn rpm(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::ArmV7 => "armv7hl",
            Self::I386 => "i686",
            Self::Ppc64le => "ppc64le",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
        }
    }

    /// The Alpine name (`apk --print-arch`).
    pub fn apk(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
            Self::ArmV7 => "armv7",
            Self::I386 => "x86",
            Self::Ppc64le => "ppc64le",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
        }
    }

    /// From the Debian name.
    pub fn from_deb(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.deb() == name)
    }
}

/// The platform of an image: `linux/amd64`, `linux/arm/v7` (OCI image-spec, image index, "platform").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    /// The architecture; the operating system is always `linux`.
    pub architecture: Architecture,
}

impl Platform {
    /// `linux/` and this architecture.
    pub const fn linux(architecture: Architecture) -> Self {
        Self { architecture }
    }

    /// The platform of the running machine, where it is one that Mikron knows.
    pub fn host() -> Option<Self> {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => Architecture::Amd64,
            "aarch64" => Architecture::Arm64,
            "arm" => Architecture::ArmV7,
            "x86" => Architecture::I386,
            "powerpc64" => Architecture::Ppc64le,
            "riscv64" => Architecture::Riscv64,
            "s390x" => Architecture::S390x,
            _ => return None,
        };
        Some(Self { architecture })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.architecture.oci())?;
        match self.architecture.oci_variant() {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        Architecture::ALL
            .into_iter()
            .map(Self::linux)
            .find(|p| {
                p.to_string() == text
                    || (text == "linux/arm64/v8" && *p == Self::linux(Architecture::Arm64))
            })
            .ok_or_else(|| PlatformError {
                platform: text.chars().take(100).collect(),
            })
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;
    fn try_from(text: String) -> Result<Self, PlatformError> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

/// A platform that Mikron does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a platform (known: linux/amd64, linux/arm64, linux/arm/v7, linux/386, linux/ppc64le, linux/riscv64, linux/s390x)",
    .platform.escape_debug()
)]
pub struct PlatformError {
    /// What stood there.
    pub platform: String,
}
