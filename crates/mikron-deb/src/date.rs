//! The dates of a Release: `Sat, 11 Jul 2026 10:23:32 UTC` (RFC 5322, "Date and Time Specification").

use mikron_package::time::{civil, day_number};

/// Reads a date into seconds since 1970 in UTC; `None` when it is not one.
///
/// The day of the week may be left out, and is not checked. The zone is `UTC`, `GMT`, `Z` or an offset like `+0200`;
/// zones by other names are refused, because nobody agrees on what they mean.
///
/// ```
/// use mikron_deb::parse_date;
/// assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:10 UTC"), Some(10));
/// assert_eq!(parse_date("Sat, 9 Jun 2018 09:00:00 +0200"), Some(1_528_527_600));
/// assert_eq!(parse_date("yesterday"), None);
/// ```
pub fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = match text.split_once(',') {
        Some((day, rest)) if day.trim().bytes().all(|b| b.is_ascii_alphabetic()) => rest,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?, 1, 2)?;
    let month = words.next()?;
    let month = (1..)
        .zip(MONTHS)
        .find(|(_, name)| name.eq_ignore_ascii_case(month))?
        .0;
    let year = number(words.next()?, 4, 4)?;
    let mut clock = words.next()?.split(':');
    let hour = number(clock.next()?, 1, 2)?;
    let minute = number(clock.next()?, 2, 2)?;
    let second = clock.next().map_or(Some(0), |s| number(s, 2, 2))?;
    let zone = zone(words.next()?)?;
    let ends = clock.next().is_none() && words.next().is_none();
    // RFC 5322 knows leap seconds.
    let days = day_number(year, month, day);
    let valid = civil(days) == (year, month, day)
        && hour < 24
        && minute < 60
        && second <= 60
        && year >= 1900;
    (ends && valid).then(|| days * 86_400 + hour * 3600 + minute * 60 + second - zone)
}

/// A number of so many digits and nothing else.
fn number(text: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// The zone's distance from UTC in seconds.
fn zone(text: &str) -> Option<i64> {
    if ["UTC", "GMT", "UT", "Z"]
        .iter()
        .any(|z| z.eq_ignore_ascii_case(text))
    {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let offset = number(digits, 4, 4)?;
    let (hours, minutes) = (offset / 100, offset % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}
