//! Changes to inputs.

use super::Numbers;

/// The longest piece that is erased, repeated or taken from elsewhere, in bytes.
const PIECE: usize = 600;

/// No input becomes longer, in bytes.
const LONGEST: usize = 1 << 16;

/// Numbers at which readers stumble, as text.
const EXTREMES: [&str; 14] = [
    "0",
    "-1",
    "1",
    "127",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "1e9",
];

/// Good inputs of a format, of which it makes nearly good ones.
#[derive(Clone, Debug)]
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    text: bool,
}

impl Mutator {
    /// With these good inputs.
    ///
    /// # Panics
    /// When there is none.
    pub fn new(seeds: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let seeds: Vec<Vec<u8>> = seeds.into_iter().collect();
        assert!(!seeds.is_empty(), "there is something to change");
        Self {
            seeds,
            words: Vec::new(),
            text: false,
        }
    }

    /// The inputs are text: most changes leave it text, so that not all of them end where that is checked.
    #[must_use]
    pub fn text(mut self) -> Self {
        self.text = true;
        self
    }

    /// With words that mean something in the format.
    #[must_use]
    pub fn words<T: AsRef<[u8]>>(mut self, words: &[T]) -> Self {
        self.words
            .extend(words.iter().map(|word| word.as_ref().to_vec()));
        self
    }

    /// One of the good inputs, changed.
    pub fn input(&self, numbers: &mut Numbers) -> Vec<u8> {
        let mut bytes = numbers.pick(&self.seeds).clone();
        self.change(numbers, &mut bytes);
        bytes
    }

    /// Changes an input, mostly in few places.
    pub fn change(&self, numbers: &mut Numbers, bytes: &mut Vec<u8>) {
        // Where much is changed, little is read.
        let most = *numbers.pick(&[1, 1, 1, 4, 4, 32]);
        let text = self.text && !numbers.one_in(8);
        for _ in 0..=numbers.below(most) {
            self.change_once(numbers, bytes);
            if text {
                for byte in bytes.iter_mut() {
                    *byte &= 0x7f;
                }
            }
        }
        bytes.truncate(LONGEST);
    }

    /// Changes it in one place.
    fn change_once(&self, numbers: &mut Numbers, bytes: &mut Vec<u8>) {
        let at = numbers.below(bytes.len() + 1);
        let longest = *numbers.pick(&[4, 16, PIECE]);
        let length = 1 + numbers.below(longest);
        let end = (at + length).min(bytes.len());
        match numbers.below(16) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = *numbers.pick(&[0, 1, b'0', b'9', 0x7f, 0x80, 0xff, b'\n', b' ', b'/']);
                }
            }
            3 => bytes.insert(at, numbers.any() as u8),
            4 => bytes.truncate(if numbers.one_in(2) {
                at
            } else {
                bytes.len().saturating_sub(length)
            }),
            5 | 6 => drop(bytes.drain(at..end)),
            7 => {
                let piece = bytes[at..end].repeat(1 + numbers.below(3));
                bytes.splice(end..end, piece);
            }
            8 => self.splice(numbers, bytes, at),
            9 => {
                // A piece of another input at the same place or any other.
                let other = numbers.pick(&self.seeds);
                let from = if numbers.one_in(2) {
                    at.min(other.len())
                } else {
                    numbers.below(other.len())
                };
                let piece = other[from..(from + length).min(other.len())].to_vec();
                let over = if numbers.one_in(2) { at..end } else { at..at };
                bytes.splice(over, piece);
            }
            10 | 11 => extreme_word(numbers, bytes, at),
            12 => extreme_digits(numbers, bytes, at),
            13 => exchange(numbers, bytes, at, length),
            _ => {
                if self.words.is_empty() {
                    extreme_word(numbers, bytes, at);
                } else {
                    let over = if numbers.one_in(4) { at..end } else { at..at };
                    bytes.splice(over, numbers.pick(&self.words).iter().copied());
                }
            }
        }
    }

    /// The head of this and the tail of another.
    fn splice(&self, numbers: &mut Numbers, bytes: &mut Vec<u8>, at: usize) {
        let other = numbers.pick(&self.seeds);
        let from = if numbers.one_in(2) {
            at.min(other.len())
        } else {
            numbers.below(other.len())
        };
        bytes.truncate(at);
        bytes.extend_from_slice(&other[from..]);
    }
}

/// A binary number of one to eight bytes, in one order or the other, becomes an extreme or its own neighbour.
fn extreme_word(numbers: &mut Numbers, bytes: &mut [u8], at: usize) {
    let width = *numbers.pick(&[1, 2, 4, 4, 8]);
    // Numbers mostly stand at multiples of their width.
    let at = if numbers.one_in(4) {
        at
    } else {
        at / width * width
    };
    let Some(place) = bytes.get_mut(at..at + width) else {
        return;
    };
    let big = numbers.one_in(2);
    let mut word = [0; 8];
    for (n, byte) in place.iter().enumerate() {
        let significance = if big { width - 1 - n } else { n };
        word[significance] = *byte;
    }
    let old = u64::from_le_bytes(word);
    let top = 1_u64 << (8 * width - 1);
    let new = match numbers.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => top,
        3 => top - 1,
        4 => old.wrapping_add(1),
        5 => old.wrapping_sub(1),
        6 => old.wrapping_add(numbers.below(64) as u64),
        _ => 1 << numbers.below(8 * width),
    };
    for (n, byte) in place.iter_mut().enumerate() {
        let significance = if big { width - 1 - n } else { n };
        *byte = new.to_le_bytes()[significance];
    }
}

/// The number in digits that stands next becomes an extreme: of the same width, as in the headers of tar and cpio, or of its
/// own.
fn extreme_digits(numbers: &mut Numbers, bytes: &mut Vec<u8>, at: usize) {
    let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let begin = at + begin;
    let width = bytes[begin..]
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if numbers.one_in(2) {
        bytes.splice(begin..begin + width, numbers.pick(&EXTREMES).bytes());
    } else {
        let digit = *numbers.pick(b"01789f");
        let end = begin
            + if numbers.one_in(2) {
                width.min(8)
            } else {
                width
            };
        bytes[begin..end].fill(digit);
    }
}

/// Two pieces change places.
fn exchange(numbers: &mut Numbers, bytes: &mut [u8], at: usize, length: usize) {
    let other = numbers.below(bytes.len());
    let (first, second) = (at.min(other), at.max(other));
    let length = length.min(second - first).min(bytes.len() - second);
    let (head, tail) = bytes.split_at_mut(second);
    head[first..first + length].swap_with_slice(&mut tail[..length]);
}
