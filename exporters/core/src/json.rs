//! JSON as RFC 8259 has it, read from one line in one pass; nothing is copied.
//!
//! Whatever is not plainly right is "odd", which is `None` here: the line then goes to the reference in Python, which
//! knows why. So these functions may be stricter than JSON, never laxer.

use memchr::memchr2;

/// How deep a usual line may be nested.
pub const DEPTH: usize = 64;

/// The content of a string: where it stands in the line, without its quotes, and whether it has escapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Text {
    pub start: usize,
    pub end: usize,
    pub escaped: bool,
}

/// A number as a double, correctly rounded. `whole` is what stands there without fraction and exponent. `huge` are
/// integers of more than 18 digits, which have no `whole`, and what lies beyond a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    pub value: f64,
    pub integer: bool,
    pub whole: i64,
    pub huge: bool,
}

/// A place in a line that moves on as values are read.
pub struct Cursor<'a> {
    pub line: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(line: &'a [u8]) -> Self {
        Cursor { line, at: 0 }
    }

    /// The byte that stands here; 0, which is never right, at the end.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.line.get(self.at).copied().unwrap_or(0)
    }

    /// Pass over this byte if it stands here.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Pass over these bytes if they stand here.
    #[inline]
    pub fn eat_all(&mut self, bytes: &[u8]) -> Option<()> {
        let here = self.line.get(self.at..self.at + bytes.len())?;
        // Most are keys of 8 to 16 bytes: comparing their first and last eight takes less than calling a function.
        let same = if (8..=16).contains(&bytes.len()) {
            here.first_chunk::<8>() == bytes.first_chunk::<8>() && here.last_chunk::<8>() == bytes.last_chunk::<8>()
        } else {
            here == bytes
        };
        if !same {
            return None;
        }
        self.at += bytes.len();
        Some(())
    }

    /// Pass over spaces; return how many. Other white space is odd.
    #[inline]
    pub fn spaces(&mut self) -> usize {
        let start = self.at;
        while self.peek() == b' ' {
            self.at += 1;
        }
        self.at - start
    }

    /// Read a string. That the line has no control characters and is UTF-8 was looked at before.
    #[inline]
    pub fn string(&mut self) -> Option<Text> {
        self.eat(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = end_of_run(self.line, self.at)?;
            if self.line[self.at] == b'"' {
                self.at += 1;
                return Some(Text { start, end: self.at - 1, escaped });
            }
            escaped = true;
            self.at += escape_length(self.line.get(self.at..)?)?;
        }
    }

    /// Read a number.
    #[inline]
    pub fn number(&mut self) -> Option<Number> {
        let text = self.line.get(self.at..)?;
        if let Some((value, length)) = short_decimal(text) {
            self.at += length;
            return Some(Number { value, integer: false, whole: 0, huge: false });
        }
        let negative = text.first() == Some(&b'-');
        let first = usize::from(negative);
        let mut mantissa = 0u64; // wraps beyond 19 digits; then it is not used
        let mut at = digits(text, first, &mut mantissa);
        let mut count = at - first;
        if count == 0 || (count > 1 && text[first] == b'0') {
            return None;
        }
        let mut exponent = 0i32;
        let mut integer = true;
        if text.get(at) == Some(&b'.') {
            integer = false;
            let end = digits(text, at + 1, &mut mantissa);
            let decimals = end - at - 1;
            if decimals == 0 {
                return None;
            }
            count += decimals;
            exponent = -i32::try_from(decimals).ok()?;
            at = end;
        }
        if matches!(text.get(at), Some(b'e' | b'E')) {
            integer = false;
            let minus = text.get(at + 1) == Some(&b'-');
            let begin = at + 1 + usize::from(minus || text.get(at + 1) == Some(&b'+'));
            let end = begin + text[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if end == begin {
                return None;
            }
            let shift = text[begin..end]
                .iter()
                .fold(0i32, |sum, digit| sum.saturating_mul(10).saturating_add(i32::from(digit - b'0')));
            exponent = exponent.saturating_add(if minus { -shift } else { shift });
            at = end;
        }
        // Both the mantissa and the power of ten are exact as doubles: one operation rounds correctly (Clinger 1990).
        let value = if count <= 19 && mantissa <= 1 << 53 && exponent.unsigned_abs() <= 22 {
            let power = POWERS[exponent.unsigned_abs() as usize];
            let size = mantissa as f64;
            let size = if exponent < 0 { size / power } else { size * power };
            if negative { -size } else { size }
        } else {
            std::str::from_utf8(&text[..at]).ok()?.parse().ok()?
        };
        self.at += at;
        let value = if integer { value + 0.0 } else { value }; // -0 is the integer 0
        let whole = if integer && count <= 18 { mantissa as i64 * if negative { -1 } else { 1 } } else { 0 };
        Some(Number { value, integer, whole, huge: !value.is_finite() || (integer && count > 18) })
    }

    /// Pass over any value, nested up to `depth`; return whether a number in it is huge.
    pub fn skip(&mut self, depth: usize) -> Option<bool> {
        let mut open: Vec<u8> = Vec::new(); // the brackets that are to be closed
        let mut huge = false;
        loop {
            match self.peek() {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    let close = self.peek() + 2; // in ASCII, both closing brackets stand two behind their opening one
                    self.at += 1;
                    self.spaces();
                    if self.eat(close).is_none() {
                        if open.len() == depth {
                            return None;
                        }
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.eat_all(b"true")?,
                b'f' => self.eat_all(b"false")?,
                b'n' => self.eat_all(b"null")?,
                _ => huge |= self.number()?.huge,
            }
            loop {
                let Some(&close) = open.last() else { return Some(huge) };
                self.spaces();
                if self.eat(close).is_some() {
                    open.pop();
                    continue;
                }
                self.eat(b',')?;
                self.spaces();
                if close == b'}' {
                    self.key()?;
                }
                break;
            }
        }
    }

    /// Read a key and the colon behind it.
    #[inline]
    pub fn key(&mut self) -> Option<Text> {
        let key = self.string()?;
        self.spaces();
        self.eat(b':')?;
        self.spaces();
        Some(key)
    }
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES << 7;

/// Read a number such as 12.345, if it and the byte behind it are within eight bytes; return it and its length.
///
/// Most numbers in logs are: the digits on both sides of the point are converted together.
#[inline]
fn short_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let word = u64::from_le_bytes(*text.first_chunk()?) ^ (ONES * 0x30); // digits become 0 to 9
    let others = (word.wrapping_add(ONES * 0x76) | word) & TOPS; // see `digits`
    let point = others.trailing_zeros() as usize / 8;
    let end = (others & others.wrapping_sub(1)).trailing_zeros() as usize / 8;
    if point == 0 || end >= 8 || end == point + 1 {
        return None;
    }
    let byte = |at: usize| (word >> (8 * at)) as u8 ^ 0x30;
    if byte(point) != b'.' || (point > 1 && byte(0) == b'0') || matches!(byte(end), b'e' | b'E') {
        return None;
    }
    let before = (1 << (8 * point)) - 1;
    let without_point = (word & before) | ((word >> 8) & !before);
    let mantissa = eight_digits(without_point << (64 - 8 * (end - 1)));
    Some((mantissa as f64 / POWERS[end - 1 - point], end)) // exact, as in `number`
}

/// The number that eight bytes from 0 to 9 are, the first one being the lowest byte.
#[inline]
fn eight_digits(word: u64) -> u64 {
    // Pairs become numbers below 100, these below 10,000, and these one of eight digits.
    let pairs = (word & (ONES * 0x0F)).wrapping_mul(2561) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(6_553_601) >> 16;
    (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(42_949_672_960_001) >> 32
}

/// Read digits from `at` on, to the right of those in `mantissa`; return where they end.
#[inline]
fn digits(text: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    // Eight bytes at a time: how many digits there are differs from number to number, and a loop that ends each time at
    // another digit costs more in wrong guesses of the processor than the arithmetic does.
    while let Some(chunk) = text.get(at..at + 8).and_then(|chunk| chunk.first_chunk()) {
        let word = u64::from_le_bytes(*chunk) ^ (ONES * 0x30); // digits become 0 to 9
        // Adding 0x76 sets the top bit of what is above 9; beyond the first such byte it may be wrong.
        let others = (word.wrapping_add(ONES * 0x76) | word) & TOPS;
        let count = others.trailing_zeros() as usize / 8; // of 0 there are 64: all eight are digits
        if count == 0 {
            return at;
        }
        let all = eight_digits(word << (64 - 8 * count)); // zeros come before the digits
        *mantissa = mantissa.wrapping_mul(TENS[count]).wrapping_add(all);
        at += count;
        if count < 8 {
            return at;
        }
    }
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    at
}

/// The place of the next quote or backslash, from `at` on.
#[inline]
fn end_of_run(line: &[u8], mut at: usize) -> Option<usize> {
    // Eight bytes at a time in one register, as most strings are short; a vector search pays only for long ones.
    for _ in 0..4 {
        let Some(chunk) = line.get(at..at + 8) else { break };
        let word = u64::from_le_bytes(chunk.try_into().ok()?);
        // A byte that equals the one looked for becomes 0, and taking 1 from a 0 sets its top bit. What lies above the
        // first such byte may be wrong, but only the first counts.
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let found = ((quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & TOPS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', line.get(at..)?).map(|found| at + found)
}

/// The length of the escape at the beginning of `rest`; both halves of a surrogate pair are one.
fn escape_length(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match hex(rest.get(2..6)?)? {
            0xD800..=0xDBFF => {
                let low = rest.get(6..12)?;
                (low.starts_with(b"\\u") && matches!(hex(&low[2..])?, 0xDC00..=0xDFFF)).then_some(12)
            }
            0xDC00..=0xDFFF => None,
            _ => Some(6),
        },
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

/// Append the text that stands in `content`, a string's content whose escapes are known to be right, to `out`.
pub fn unescape(content: &[u8], out: &mut Vec<u8>) {
    let mut rest = content;
    while let Some(place) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..place]);
        rest = &rest[place..];
        let length = escape_length(rest).unwrap_or(rest.len().min(2));
        let simple = match rest.get(1).copied().unwrap_or(b'\\') {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        };
        if length == 2 {
            out.push(simple);
        } else {
            let unit = |at: usize| rest.get(at..at + 4).and_then(hex).unwrap_or(0);
            let code = if length == 12 { 0x10000 + ((unit(2) - 0xD800) << 10) + (unit(8) - 0xDC00) } else { unit(2) };
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        rest = &rest[length..];
    }
    out.extend_from_slice(rest);
}
