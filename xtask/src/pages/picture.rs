//! Pictures come as text in base 64 (RFC 4648).

use anyhow::{Context, Result, ensure};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn from_base64(text: &str) -> Result<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        ensure!(group.len() > 1, "base 64 that ends within a byte");
        let mut bits = 0_u32;
        for &letter in group {
            let digit = DIGITS.iter().position(|&known| known == letter).context("a letter that is not of base 64")?;
            bits = bits << 6 | digit as u32;
        }
        // Four digits of 6 bits make three bytes; three make two, two make one.
        bits <<= 8 + 6 * (4 - group.len());
        bytes.extend(&bits.to_be_bytes()[..group.len() - 1]);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        let examples = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in examples {
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base64("/+8=").unwrap(), [0xff, 0xef]);
        assert!(from_base64("Zm9vY").is_err());
        assert!(from_base64("Zm-v").is_err());
    }
}
