//! Points in time, in whole seconds, as repositories and layers have them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds since 1970-01-01 00:00 UTC; in text `2026-11-24T00:00:00Z` (RFC 3339, always UTC, always whole seconds).
///
/// ```
/// use mikron_package::Timestamp;
/// let time: Timestamp = "2024-02-29T12:30:00Z".parse()?;
/// assert_eq!(time.seconds(), 1_709_209_800);
/// assert_eq!(time.to_string(), "2024-02-29T12:30:00Z");
/// # Ok::<(), mikron_package::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 9999-12-31T23:59:59Z, the last that the text form can say.
const LAST: i64 = 253_402_300_799;

impl Timestamp {
    /// A time from seconds since 1970; `None` outside the years 1970 to 9999.
    pub const fn new(seconds: i64) -> Option<Self> {
        if seconds < 0 || seconds > LAST {
            None
        } else {
            Some(Self(seconds))
        }
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let second = second % 60;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// The civil date (year, month, day) of a day counted from 1970-01-01, in the proleptic Gregorian calendar, by eras of 400 years
/// that begin on the first of March, so that a leap day ends a year.
///
/// ```
/// assert_eq!(mikron_package::time::civil(19_782), (2024, 2, 29));
/// ```
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The day counted from 1970-01-01 of a civil date: the inverse of [`civil`]. Of a date that does not exist, the day that it would be.
///
/// ```
/// assert_eq!(mikron_package::time::day_number(2024, 2, 29), 19_782);
/// ```
pub fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let parse = || {
            let bytes = text.as_bytes();
            let shape = b"dddd-dd-ddTdd:dd:ddZ";
            let fits = bytes.len() == shape.len()
                && bytes.iter().zip(shape).all(|(b, s)| match s {
                    b'd' => b.is_ascii_digit(),
                    s => b == s,
                });
            if !fits {
                return None;
            }
            let number = |at: std::ops::Range<usize>| text[at].parse::<i64>().ok();
            let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
            let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
            let days = day_number(year, month, day);
            let real = civil(days) == (year, month, day);
            let within = hour < 24 && minute < 60 && second < 60 && year >= 1970;
            (real && within).then_some(Self(days * 86_400 + hour * 3600 + minute * 60 + second))
        };
        parse().ok_or_else(|| TimestampError {
            text: text.chars().take(100).collect(),
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not a [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a time (expected the form `2026-11-24T00:00:00Z`)", .text.escape_debug())]
pub struct TimestampError {
    /// The first hundred characters of what stood there.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_survives_the_way_through_text() {
        let last_day = day_number(2770, 1, 1);
        for day in 0..last_day {
            let time = Timestamp::new(day * 86_400 + day % 86_400).expect("a time after 1970");
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00+01:00",
            "1969-12-31T23:59:59Z",
            "",
            "ééééééééééé",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_that_the_text_form_cannot_say_is_refused() {
        assert_eq!(Timestamp::new(-1), None);
        assert_eq!(Timestamp::new(LAST + 1), None);
        let last = Timestamp::new(LAST).map(|time| time.to_string());
        assert_eq!(last.as_deref(), Some("9999-12-31T23:59:59Z"));
    }
}
