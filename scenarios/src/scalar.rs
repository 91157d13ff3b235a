//! Scalars of a scenario file: read as text with their place, understood later.
//!
//! A file with five wrong numbers gets five errors, so nothing that a person can get wrong in a
//! scalar may fail while YAML is still being read.

use std::borrow::Cow;
use std::marker::PhantomData;

use firedrill_core::rollout::Share;
use firedrill_core::{Micros, Ppm};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::place::{At, Place};

/// Why a text is not a value of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It does not look like one.
    NotOne,
    /// It looks like one, and lies outside the kind's range: why.
    OutOfRange(&'static str),
}

/// A kind of scalar: how it is written and what it means.
pub trait Kind {
    /// What it means.
    type Value;
    /// How it is written, with an example.
    const EXPECTED: &'static str;
    /// What stands in for a wrong value while the other errors are collected.
    const PLACEHOLDER: Self::Value;
    /// A regular expression that every right value matches.
    const PATTERN: &'static str;

    /// Understands a text.
    ///
    /// # Errors
    /// When the text is not a value of this kind.
    fn parse(text: &str) -> Result<Self::Value, Reject>;
}

/// A scalar of a kind, as text with its place.
pub struct Scalar<K> {
    /// The text as written, without quotes.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    kind: PhantomData<fn() -> K>,
}

impl<K> Scalar<K> {
    /// A text at a place.
    pub(crate) fn new(text: impl Into<String>, place: Place) -> Self {
        Self {
            text: text.into(),
            place,
            kind: PhantomData,
        }
    }
}

impl<K> Clone for Scalar<K> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            place: self.place,
            kind: PhantomData,
        }
    }
}

impl<K> std::fmt::Debug for Scalar<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} at {}:{}",
            self.text, self.place.line, self.place.column
        )
    }
}

impl<'de, K> Deserialize<'de> for Scalar<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = At::<String>::deserialize(deserializer)?;
        Ok(Self {
            text: at.value,
            place: at.place,
            kind: PhantomData,
        })
    }
}

impl<K: Kind> JsonSchema for Scalar<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("Scalar<{}>", K::EXPECTED).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": K::EXPECTED,
            "type": ["string", "number", "boolean"],
            "pattern": K::PATTERN,
        })
    }
}

/// A name that others refer to.
#[derive(Debug)]
pub enum Name {}

impl Kind for Name {
    type Value = String;
    const EXPECTED: &'static str =
        "a name of lower-case letters, digits and dashes, such as `us-east`";
    const PLACEHOLDER: String = String::new();
    const PATTERN: &'static str = "^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$";

    fn parse(text: &str) -> Result<String, Reject> {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let sound = text.chars().all(|c| letter(c) || c == '-' || c == '_')
            && text.starts_with(letter)
            && text.ends_with(letter);
        sound.then(|| text.into()).ok_or(Reject::NotOne)
    }
}

/// Words for people.
#[derive(Debug)]
pub enum Words {}

impl Kind for Words {
    type Value = String;
    const EXPECTED: &'static str = "some text that is not empty";
    const PLACEHOLDER: String = String::new();
    const PATTERN: &'static str = "\\S";

    fn parse(text: &str) -> Result<String, Reject> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            Err(Reject::NotOne)
        } else {
            Ok(words)
        }
    }
}

/// A file near the one that names it.
#[derive(Debug)]
pub enum FilePath {}

impl Kind for FilePath {
    type Value = String;
    const EXPECTED: &'static str = "a file, from the folder of this one, such as `careful.yaml`";
    const PLACEHOLDER: String = String::new();
    const PATTERN: &'static str = "\\S";

    fn parse(text: &str) -> Result<String, Reject> {
        if text.trim().is_empty() {
            return Err(Reject::NotOne);
        }
        Ok(text.into())
    }
}

/// A value of a config key, whatever its type.
#[derive(Debug)]
pub enum Literal {}

impl Kind for Literal {
    type Value = String;
    const EXPECTED: &'static str = "a value: `true`, `42` or some text";
    const PLACEHOLDER: String = String::new();
    const PATTERN: &'static str = "";

    fn parse(text: &str) -> Result<String, Reject> {
        Ok(text.into())
    }
}

/// A length of time.
#[derive(Debug)]
pub enum Duration {}

impl Kind for Duration {
    type Value = Micros;
    const EXPECTED: &'static str = "a duration such as `40ms`, `10m` or `1h 30m`";
    const PLACEHOLDER: Micros = Micros::from_secs(1);
    const PATTERN: &'static str = "^\\s*(0|\\d+\\s*[a-zA-Zµ]+(\\s*\\d+\\s*[a-zA-Zµ]+)*)\\s*$";

    fn parse(text: &str) -> Result<Micros, Reject> {
        let duration = humantime::parse_duration(text.trim()).map_err(|_| Reject::NotOne)?;
        let micros = u64::try_from(duration.as_micros()).ok();
        let micros = micros.filter(|micros| *micros <= Micros::from_hours(24 * 366).0);
        if duration.subsec_nanos() % 1_000 != 0 {
            return Err(Reject::OutOfRange("finer than a microsecond"));
        }
        micros
            .map(Micros)
            .ok_or(Reject::OutOfRange("longer than a year"))
    }
}

/// A share from 0 % to 100 %.
#[derive(Debug)]
pub enum Percent {}

impl Kind for Percent {
    type Value = Ppm;
    const EXPECTED: &'static str = "a percentage from `0 %` to `100 %`, such as `0.5 %`";
    const PLACEHOLDER: Ppm = Ppm(500_000);
    const PATTERN: &'static str = "^\\s*\\d+(\\.\\d+)?\\s*%\\s*$";

    fn parse(text: &str) -> Result<Ppm, Reject> {
        let digits = text.trim().strip_suffix('%').ok_or(Reject::NotOne)?;
        let percent = parse_number(digits)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(Reject::OutOfRange("outside 0 % to 100 %"));
        }
        let ppm = Ppm::from_f64(percent / 100.0);
        if (f64::from(ppm.0) - percent * 1e4).abs() > 1e-6 {
            return Err(Reject::OutOfRange("finer than 0.0001 %"));
        }
        Ok(ppm)
    }
}

/// Requests a second.
#[derive(Debug)]
pub enum Rate {}

impl Kind for Rate {
    type Value = f64;
    const EXPECTED: &'static str = "requests a second, such as `300/s`";
    const PLACEHOLDER: f64 = 1.0;
    const PATTERN: &'static str = "^\\s*\\d+(\\.\\d+)?\\s*/\\s*s\\s*$";

    fn parse(text: &str) -> Result<f64, Reject> {
        let rest = text.trim().strip_suffix('s').ok_or(Reject::NotOne)?;
        let digits = rest.trim_end().strip_suffix('/').ok_or(Reject::NotOne)?;
        let rate = parse_number(digits)?;
        if (0.0..=1e9).contains(&rate) {
            Ok(rate)
        } else {
            Err(Reject::OutOfRange("outside 0/s to 1000000000/s"))
        }
    }
}

/// A whole number from 0.
#[derive(Debug)]
pub enum Count {}

impl Kind for Count {
    type Value = u32;
    const EXPECTED: &'static str = "a whole number from 0, such as `20`";
    const PLACEHOLDER: u32 = 1;
    const PATTERN: &'static str = "^\\s*\\d[\\d_]*\\s*$";

    fn parse(text: &str) -> Result<u32, Reject> {
        let digits: String = text.trim().chars().filter(|c| *c != '_').collect();
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
            return match digits.parse::<i64>() {
                Ok(_) => Err(Reject::OutOfRange("below 0")),
                Err(_) => Err(Reject::NotOne),
            };
        }
        digits
            .parse()
            .map_err(|_| Reject::OutOfRange("above 4294967295"))
    }
}

/// A whole number, negative ones too.
#[derive(Debug)]
pub enum Integer {}

impl Kind for Integer {
    type Value = i64;
    const EXPECTED: &'static str = "a whole number, such as `3600`";
    const PLACEHOLDER: i64 = 1;
    const PATTERN: &'static str = "^\\s*[+-]?\\d+\\s*$";

    fn parse(text: &str) -> Result<i64, Reject> {
        text.trim().parse().map_err(|_| Reject::NotOne)
    }
}

/// A number from 0, with a fraction or without.
#[derive(Debug)]
pub enum Number {}

impl Kind for Number {
    type Value = f64;
    const EXPECTED: &'static str = "a number from 0, such as `1.5`";
    const PLACEHOLDER: f64 = 1.0;
    const PATTERN: &'static str = "^\\s*\\d+(\\.\\d+)?\\s*$";

    fn parse(text: &str) -> Result<f64, Reject> {
        let number = parse_number(text)?;
        if number < 0.0 {
            return Err(Reject::OutOfRange("below 0"));
        }
        Ok(number)
    }
}

/// A number, negative ones too, with a fraction or without.
#[derive(Debug)]
pub enum Signed {}

impl Kind for Signed {
    type Value = f64;
    const EXPECTED: &'static str = "a number, such as `-1.5`";
    const PLACEHOLDER: f64 = 1.0;
    const PATTERN: &'static str = "^\\s*-?\\d+(\\.\\d+)?\\s*$";

    fn parse(text: &str) -> Result<f64, Reject> {
        parse_number(text)
    }
}

/// Local time minus UTC.
#[derive(Debug)]
pub enum UtcOffset {}

impl Kind for UtcOffset {
    type Value = i64;
    const EXPECTED: &'static str = "an offset from UTC, such as `-5h`, `0h` or `5h 30m`";
    const PLACEHOLDER: i64 = 0;
    const PATTERN: &'static str = "^\\s*[+-]?\\s*(0|\\d+\\s*[hm](\\s*\\d+\\s*m)?)\\s*$";

    fn parse(text: &str) -> Result<i64, Reject> {
        let text = text.trim();
        let (sign, length) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let seconds = (Duration::parse(length)?.0 / 1_000_000).cast_signed();
        if seconds > 14 * 3_600 {
            return Err(Reject::OutOfRange("more than 14 hours"));
        }
        Ok(sign * seconds)
    }
}

/// A time of day.
#[derive(Debug)]
pub enum TimeOfDay {}

impl Kind for TimeOfDay {
    type Value = Micros;
    const EXPECTED: &'static str = "a time of day in quotes, such as `\"14:00\"`";
    const PLACEHOLDER: Micros = Micros::ZERO;
    const PATTERN: &'static str = "^\\s*\\d{1,2}:\\d{2}\\s*$";

    fn parse(text: &str) -> Result<Micros, Reject> {
        let (hours, minutes) = text.trim().split_once(':').ok_or(Reject::NotOne)?;
        let number = |digits: &str| -> Result<u64, Reject> {
            let plain = matches!(digits.len(), 1 | 2) && digits.chars().all(|c| c.is_ascii_digit());
            digits.parse().ok().filter(|_| plain).ok_or(Reject::NotOne)
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        if hours > 23 || minutes > 59 {
            return Err(Reject::OutOfRange("outside 00:00 to 23:59"));
        }
        Ok(Micros::from_mins(hours * 60 + minutes))
    }
}

/// How many instances of each region a stage takes.
#[derive(Debug)]
pub enum Width {}

impl Kind for Width {
    type Value = Share;
    const EXPECTED: &'static str =
        "a percentage or a number of instances of each region, such as `2 %` or `20 instances`";
    const PLACEHOLDER: Share = Share::Ppm(Ppm::ONE);
    const PATTERN: &'static str = "^\\s*(\\d+(\\.\\d+)?\\s*%|\\d+\\s*instances?)\\s*$";

    fn parse(text: &str) -> Result<Share, Reject> {
        let text = text.trim();
        let count = text
            .strip_suffix("instances")
            .or_else(|| text.strip_suffix("instance"));
        match count {
            Some(count) => Ok(Share::Instances(Count::parse(count)?)),
            None => Ok(Share::Ppm(Percent::parse(text)?)),
        }
    }
}

fn parse_number(digits: &str) -> Result<f64, Reject> {
    let digits = digits.trim();
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    if digits.is_empty() || !digits.chars().all(plain) {
        return Err(Reject::NotOne);
    }
    digits.parse().map_err(|_| Reject::NotOne)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Kind>(text: &str, expected: Result<K::Value, Reject>)
    where
        K::Value: PartialEq + std::fmt::Debug,
    {
        assert_eq!(K::parse(text), expected, "{text:?}");
    }

    fn outside<T>(why: &'static str) -> Result<T, Reject> {
        Err(Reject::OutOfRange(why))
    }

    #[test]
    fn reads_durations() {
        check::<Duration>("40ms", Ok(Micros::from_millis(40)));
        check::<Duration>("1h 30m", Ok(Micros::from_mins(90)));
        check::<Duration>("30d", Ok(Micros::from_hours(720)));
        check::<Duration>("10", Err(Reject::NotOne));
        check::<Duration>("-5m", Err(Reject::NotOne));
        check::<Duration>("2 years", outside("longer than a year"));
        check::<Duration>("1ns", outside("finer than a microsecond"));
    }

    #[test]
    fn reads_percentages() {
        check::<Percent>("0.5 %", Ok(Ppm(5_000)));
        check::<Percent>("100%", Ok(Ppm::ONE));
        check::<Percent>("8.64 %", Ok(Ppm(86_400)));
        check::<Percent>("0.5", Err(Reject::NotOne));
        check::<Percent>("NaN %", Err(Reject::NotOne));
        check::<Percent>("130 %", outside("outside 0 % to 100 %"));
        check::<Percent>("0.00001 %", outside("finer than 0.0001 %"));
    }

    #[test]
    fn reads_other_kinds() {
        check::<Rate>("300/s", Ok(300.0));
        check::<Rate>("2.5 / s", Ok(2.5));
        check::<Rate>("300", Err(Reject::NotOne));
        check::<Count>("12_000", Ok(12_000));
        check::<Count>("-1", outside("below 0"));
        check::<Count>("1.5", Err(Reject::NotOne));
        check::<UtcOffset>("-5h", Ok(-18_000));
        check::<UtcOffset>("+5h 30m", Ok(19_800));
        check::<UtcOffset>("20h", outside("more than 14 hours"));
        check::<TimeOfDay>("14:00", Ok(Micros::from_hours(14)));
        check::<TimeOfDay>("24:00", outside("outside 00:00 to 23:59"));
        check::<TimeOfDay>("840", Err(Reject::NotOne));
        check::<Width>("20 instances", Ok(Share::Instances(20)));
        check::<Width>("1 instance", Ok(Share::Instances(1)));
        check::<Width>("2 %", Ok(Share::Ppm(Ppm::percent(2))));
        check::<Name>("us-east", Ok("us-east".into()));
        check::<Name>("US east", Err(Reject::NotOne));
        check::<Words>(" a\n b ", Ok("a b".into()));
    }
}
