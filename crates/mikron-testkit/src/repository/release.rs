//! The text of a Release file.

use std::fmt::Write as _;

use mikron_package::Digest;

use super::RepositoryBuilder;

/// A file that the Release file lists.
pub(super) struct Published {
    path: String,
    digest: Digest,
    size: usize,
}

impl Published {
    pub(super) fn new(path: &str, bytes: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len(),
        }
    }
}

pub(super) fn release_text(builder: &RepositoryBuilder, published: &[Published]) -> String {
    let mut fields: Vec<(String, String)> = vec![
        ("Origin".into(), "Test".into()),
        ("Label".into(), "Test".into()),
        ("Suite".into(), builder.suite.clone()),
        ("Codename".into(), builder.suite.clone()),
        ("Date".into(), rfc2822(builder.date)),
    ];
    if let Some(until) = builder.valid_until {
        fields.push(("Valid-Until".into(), rfc2822(until)));
    }
    if builder.by_hash {
        fields.push(("Acquire-By-Hash".into(), "yes".into()));
    }
    fields.push(("Architectures".into(), builder.architectures.join(" ")));
    fields.push(("Components".into(), builder.components.join(" ")));
    for (name, value) in &builder.fields {
        fields.retain(|(n, _)| n != name);
        fields.extend(value.iter().map(|value| (name.clone(), value.clone())));
    }
    let mut text = String::new();
    for (name, value) in fields {
        let _ = writeln!(text, "{name}: {value}");
    }
    let mut list = |name: &str, digits: usize| {
        let _ = writeln!(text, "{name}:");
        for Published { path, digest, size } in published {
            let _ = writeln!(text, " {} {size:>8} {path}", &digest.hex()[..digits]);
        }
    };
    if builder.weak_only {
        list("MD5Sum", 32);
        list("SHA1", 40);
    } else {
        list("MD5Sum", 32);
        list("SHA256", 64);
    }
    text
}

/// A time as Release files have it: `Sat, 11 Jul 2026 10:16:37 UTC`.
pub fn rfc2822(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = mikron_package::time::civil(days);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|i| names.get(i).copied())
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} UTC",
        name(&DAYS, days.rem_euclid(7)).unwrap_or(""),
        name(&MONTHS, month - 1).unwrap_or(""),
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::rfc2822;

    #[test]
    fn dates_are_written_as_release_files_have_them() {
        assert_eq!(rfc2822(0), "Thu, 01 Jan 1970 00:00:00 UTC");
        assert_eq!(rfc2822(1_783_764_997), "Sat, 11 Jul 2026 10:16:37 UTC");
        assert_eq!(rfc2822(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 UTC");
    }
}
