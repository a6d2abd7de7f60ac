//! Which texts may hold personal data. What is found here the reference looks at, which knows and replaces it; what is
//! not found certainly holds none. The expressions stand beside those of the reference, in `aiwatch/ingest/redact.py`.

use memchr::memchr;
use regex::bytes::Regex;

pub struct Personal {
    emails: bool,
    numbers: Option<Regex>,
}

/// No phone, card or account number has fewer digits.
const FEWEST_DIGITS: usize = 7;
/// How many bytes before its first digit a number may begin: two letters of a country, or the like.
const BEFORE: usize = 4;
/// The least first byte of a character that may be a digit of another script than ours.
const OTHER_DIGITS: u8 = 0xD9;

impl Personal {
    pub fn new(emails: bool, numbers: Option<&str>) -> Result<Personal, regex::Error> {
        Ok(Personal { emails, numbers: numbers.map(Regex::new).transpose()? })
    }

    /// Tell whether a text must be looked at.
    pub fn suspects(&self, text: &[u8]) -> bool {
        if self.emails && memchr(b'@', text).is_some() {
            return true;
        }
        let Some(numbers) = &self.numbers else { return false };
        if text.iter().any(|&byte| byte >= OTHER_DIGITS) {
            return numbers.is_match(text);
        }
        if text.iter().filter(|byte| byte.is_ascii_digit()).count() < FEWEST_DIGITS {
            return false;
        }
        let first = text.iter().position(u8::is_ascii_digit).unwrap_or(0);
        let mut start = first.saturating_sub(BEFORE);
        while start > 0 && text[start] & 0xC0 == 0x80 {
            start -= 1; // to the beginning of a character
        }
        numbers.is_match(&text[start..])
    }
}
