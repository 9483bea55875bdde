//! Configs: how a container is run, and which layers it is made of.

use std::collections::BTreeMap;

use mikron_package::time::day_number;
use mikron_package::{Platform, Timestamp};
use oci_spec::image::{
    Arch, ConfigBuilder, ImageConfiguration, ImageConfigurationBuilder, Os, RootFsBuilder,
};

use crate::{ImageError, ImageLayer};

/// How a container of the image is run (OCI image-spec, config, "config" object).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `user`, `uid`, `user:group` or `uid:gid`; root where missing.
    pub user: Option<String>,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The default arguments behind the entrypoint.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory, absolute.
    pub working_dir: Option<String>,
    /// Ports that are served: `80/tcp`.
    pub ports: Vec<String>,
    /// Directories that are mounted: `/var/cache/nginx`.
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it: `SIGQUIT`.
    pub stop_signal: Option<String>,
    /// Who is responsible for the image.
    pub author: Option<String>,
}

impl Config {
    /// The config of an image as a document (OCI image-spec, config).
    pub(crate) fn document(
        &self,
        platform: Platform,
        created: &str,
        layers: &[ImageLayer],
    ) -> Result<ImageConfiguration, ImageError> {
        let env: Result<Vec<String>, ImageError> = self.env.iter().map(variable).collect();
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let labels = self.labels.clone().into_iter().collect();
        let mut run = ConfigBuilder::default()
            .build()
            .expect("all fields have defaults");
        run.set_user(self.user.clone());
        run.set_entrypoint(some(&self.entrypoint));
        run.set_cmd(some(&self.cmd));
        run.set_env(some(&env?));
        run.set_working_dir(self.working_dir.clone());
        run.set_exposed_ports(some(&self.ports));
        run.set_volumes(some(&self.volumes));
        run.set_labels((!self.labels.is_empty()).then_some(labels));
        run.set_stop_signal(self.stop_signal.clone());

        let diff_ids: Result<Vec<String>, ImageError> =
            layers.iter().map(ImageLayer::diff_id).collect();
        let history = layers.iter().map(|layer| layer.history(created));
        let rootfs = RootFsBuilder::default()
            .typ("layers")
            .diff_ids(diff_ids?)
            .build()
            .expect("all required fields are set above");
        let architecture = platform.architecture;
        let mut document = ImageConfigurationBuilder::default()
            .created(created)
            .architecture(Arch::from(architecture.oci()))
            .os(Os::Linux)
            .config(run)
            .rootfs(rootfs)
            .history(history.collect::<Vec<_>>())
            .build()
            .expect("all required fields are set above");
        document.set_variant(architecture.oci_variant().map(str::to_owned));
        document.set_author(self.author.clone());
        Ok(document)
    }
}

/// A variable of the environment as the config has it.
pub(crate) fn variable((name, value): (&String, &String)) -> Result<String, ImageError> {
    let wrong = |reason: &str| ImageError::Config {
        field: "env",
        reason: format!("has the variable `{}`, which {reason}", name.escape_debug()),
    };
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(wrong("is no name of a variable"));
    }
    if value.contains('\0') {
        return Err(wrong("holds a NUL byte"));
    }
    Ok(format!("{name}={value}"))
}

/// Seconds since 1970 as RFC 3339 in UTC.
///
/// # Errors
/// Outside of the years 1970 to 9999.
pub(crate) fn rfc3339(seconds: i64) -> Result<String, ImageError> {
    let time = Timestamp::new(seconds).ok_or_else(|| ImageError::Config {
        field: "time",
        reason: format!("{seconds} lies outside of the years 1970 to 9999"),
    })?;
    Ok(time.to_string())
}

/// When a config says that the image was made, in seconds since 1970; 0 where it says nothing that can be read.
pub(crate) fn created(config: &[u8]) -> i64 {
    let config = crate::json::parse(config).ok();
    let text = config
        .as_ref()
        .and_then(|config| config.get("created")?.as_str());
    text.and_then(seconds).unwrap_or(0)
}

/// RFC 3339 as seconds since 1970. What is less than a second is left out.
fn seconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        digits.parse::<i64>().ok()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let zone = text.get(19..)?;
    let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = text.len() - 5;
            let minutes = number(at, at + 2)? * 60 + number(at + 3, at + 5)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let days = day_number(year, month, day);
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_763_942_400, "2025-11-24T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds).unwrap(), text);
            assert_eq!(super::seconds(text), Some(seconds));
        }
        assert!(rfc3339(-1).is_err());
        assert!(rfc3339(253_402_300_800).is_err());
    }

    #[test]
    fn times_of_others_have_fractions_and_zones() {
        assert_eq!(
            super::seconds("1970-01-01T01:00:01.123456789+01:00"),
            Some(1)
        );
        assert_eq!(super::seconds("1969-12-31T23:30:00-00:30"), Some(0));
        for text in [
            "",
            "1970",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:0äZ",
            "+970-01-01T00:00:00Z",
        ] {
            assert_eq!(super::seconds(text), None, "{text}");
        }
    }
}
