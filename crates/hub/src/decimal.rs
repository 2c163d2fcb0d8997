//! Decimal numbers in tags, compared digit by digit: exact at any length, with nothing converted.

use std::cmp::Ordering;

/// A number as text, taken apart. Both parts are without the zeros that say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    /// Never for zero.
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
}

/// The longest text of a number; longer ones are none, as Centrifugo has it.
const CHARS_MAX: usize = 200;
/// The most digits behind the point.
const FRACTION_DIGITS_MAX: usize = 19;

impl<'a> Decimal<'a> {
    /// An optional sign, digits, and behind a point up to 19 more; `None` for anything else.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > CHARS_MAX {
            return None;
        }
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (integer, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if integer.is_empty()
            || fraction.len() > FRACTION_DIGITS_MAX
            || !are_digits(integer)
            || !are_digits(fraction)
        {
            return None;
        }
        let (integer, fraction) = (integer.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = integer.is_empty() && fraction.is_empty();
        Some(Self { is_negative: sign && !is_zero, integer, fraction })
    }

    /// A copy that can be kept.
    pub(crate) fn to_owned(self) -> OwnedDecimal {
        OwnedDecimal {
            is_negative: self.is_negative,
            point: self.integer.len(),
            digits: [self.integer, self.fraction].concat().into(),
        }
    }

    fn compare_sizes(&self, other: &Self) -> Ordering {
        (self.integer.len(), self.integer, self.fraction).cmp(&(
            other.integer.len(),
            other.integer,
            other.fraction,
        ))
    }
}

/// A number that is kept, to be compared with many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedDecimal {
    is_negative: bool,
    /// How many of the digits stand before the point.
    point: usize,
    digits: Box<str>,
}

impl OwnedDecimal {
    pub(crate) fn as_decimal(&self) -> Decimal<'_> {
        let (integer, fraction) = self.digits.split_at(self.point);
        Decimal { is_negative: self.is_negative, integer, fraction }
    }

    /// Memory it holds beside itself, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.digits.len()
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_sizes(other),
            (true, true) => other.compare_sizes(self),
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_a_number() {
        for text in ["0", "-0", "+1", "007", "1.0", "-12.50", "0.1234567890123456789", &"9".repeat(200)] {
            assert!(Decimal::parse(text).is_some(), "{text}");
        }
        let too_long = "9".repeat(201);
        for text in [
            "",
            "-",
            "+",
            ".",
            "-.",
            ".5",
            "-.5",
            "5.",
            "1.2.3",
            "1,5",
            "1e3",
            "0x1",
            " 1",
            "1 ",
            "--1",
            "٣",
            "NaN",
            "inf",
            "0.12345678901234567890",
            "1._",
            &too_long,
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn order_is_that_of_numbers() {
        let ascending = [
            "-100",
            "-99.5",
            "-99.45",
            "-0.1",
            "0",
            "0.05",
            "0.5",
            "9",
            "10",
            "10.000001",
            "99999999999999999999",
        ];
        for (a, lower) in ascending.iter().enumerate() {
            for (b, higher) in ascending.iter().enumerate() {
                let (lower_number, higher_number) =
                    (Decimal::parse(lower).unwrap(), Decimal::parse(higher).unwrap());
                assert_eq!(lower_number.cmp(&higher_number), a.cmp(&b), "{lower} {higher}");
                let kept = higher_number.to_owned();
                assert_eq!(lower_number.cmp(&kept.as_decimal()), a.cmp(&b), "{lower} {higher}, kept");
            }
        }
        for (a, b) in [("1", "01.00"), ("-0", "0.0"), ("+5", "5")] {
            assert_eq!(Decimal::parse(a), Decimal::parse(b));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn integers_and_hundredths_keep_their_order(a in -100_000_i64..100_000, b in -100_000_i64..100_000) {
            let hundredths = |n: i64| format!("{}{}.{:02}", if n < 0 { "-" } else { "" }, n.abs() / 100, n.abs() % 100);
            let (a_text, b_text) = (hundredths(a), hundredths(b));
            prop_assert_eq!(Decimal::parse(&a_text).unwrap().cmp(&Decimal::parse(&b_text).unwrap()), a.cmp(&b));
        }
    }
}
