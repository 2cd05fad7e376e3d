//! BLEU (Papineni et al. 2002), the measure of Fig. 7b and Table 4, with the settings that make scores comparable (Post
//! 2018): case counts, one reference, the tokens of `mteval-v13a`, exponential smoothing.

mod tokens;

use std::collections::HashMap;

use thiserror::Error;

pub use self::tokens::tokenize_13a;

/// The longest n-grams that count.
const ORDERS: usize = 4;

/// How much of the references' n-grams some translations have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bleu {
    /// BLEU, 0 to 100.
    pub score: f64,
    /// The share of 1-, 2-, 3- and 4-grams that are in the reference, in per cent; smoothed where it would be 0.
    pub precisions: [f64; ORDERS],
    /// The factor for translations that are too short, 0 to 1.
    pub brevity_penalty: f64,
    /// Tokens of all translations.
    pub hypothesis_length: usize,
    /// Tokens of all references.
    pub reference_length: usize,
}

/// Why there is no BLEU.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BleuError {
    /// Translations and references are not pairs.
    #[error("{hypotheses} translations for {references} references: there must be one for each")]
    UnequalCounts {
        /// How many translations.
        hypotheses: usize,
        /// How many references.
        references: usize,
    },
    /// There is no translation.
    #[error("no translation to score")]
    Empty,
}

/// The BLEU of a whole corpus of translations, in words as people write them; one reference each.
///
/// The score of sacrebleu's `corpus_bleu` with its defaults, `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.
///
/// # Errors
/// [`BleuError`]: unequal counts, or nothing to score.
///
/// ```
/// use lookahead_models::bleu::corpus_bleu;
///
/// let references = ["A man in a blue shirt is standing.".to_owned()];
/// assert!((corpus_bleu(&references, &references)?.score - 100.0).abs() < 1e-9);
/// let bleu = corpus_bleu(&["A man in a red shirt is standing.".to_owned()], &references)?;
/// assert_eq!(bleu.precisions[0], 100.0 * 8.0 / 9.0);
/// # Ok::<(), lookahead_models::bleu::BleuError>(())
/// ```
pub fn corpus_bleu(hypotheses: &[String], references: &[String]) -> Result<Bleu, BleuError> {
    if hypotheses.len() != references.len() {
        return Err(BleuError::UnequalCounts { hypotheses: hypotheses.len(), references: references.len() });
    }
    if hypotheses.is_empty() {
        return Err(BleuError::Empty);
    }
    let mut counts = Counts::default();
    for (hypothesis, reference) in hypotheses.iter().zip(references) {
        counts.add(&tokenize_13a(hypothesis), &tokenize_13a(reference));
    }
    Ok(counts.bleu())
}

/// Sums over the sentences.
#[derive(Default)]
struct Counts {
    /// N-grams of the translations that are in their reference, each at most as often as there.
    matches: [usize; ORDERS],
    /// N-grams of the translations.
    total: [usize; ORDERS],
    hypothesis_length: usize,
    reference_length: usize,
}

impl Counts {
    fn add(&mut self, hypothesis: &[String], reference: &[String]) {
        self.hypothesis_length += hypothesis.len();
        self.reference_length += reference.len();
        for (n, (matches, total)) in (1..).zip(self.matches.iter_mut().zip(&mut self.total)) {
            let mut left: HashMap<&[String], usize> = HashMap::new();
            for words in reference.windows(n) {
                *left.entry(words).or_default() += 1;
            }
            for words in hypothesis.windows(n) {
                *total += 1;
                if let Some(left) = left.get_mut(words).filter(|left| **left > 0) {
                    *left -= 1;
                    *matches += 1;
                }
            }
        }
    }

    fn bleu(&self) -> Bleu {
        let (hypothesis_length, reference_length) = (self.hypothesis_length, self.reference_length);
        // BP = 1 if c >= r, else exp(1 - r / c)
        let brevity_penalty = match hypothesis_length {
            0 if reference_length > 0 => 0.0,
            c if c < reference_length => (1.0 - reference_length as f64 / c as f64).exp(),
            _ => 1.0,
        };
        let precisions = self.precisions();
        // BLEU = BP exp(1/4 sum_n log p_n)
        let mean = precisions.iter().map(|precision| precision.ln()).sum::<f64>() / ORDERS as f64;
        Bleu { score: brevity_penalty * mean.exp(), precisions, brevity_penalty, hypothesis_length, reference_length }
    }

    /// p_n = matches / total; where nothing matches, 1 / (2^k total), k counting such orders (Chen and Cherry 2014,
    /// smoothing 3). All are 0 if no word matches, as are those of orders longer than every translation.
    fn precisions(&self) -> [f64; ORDERS] {
        let mut precisions = [0.0; ORDERS];
        if self.matches == [0; ORDERS] {
            return precisions;
        }
        let mut smoothed = 1.0;
        let counts = self.matches.iter().zip(&self.total).take_while(|(_, total)| **total > 0);
        for (precision, (&matches, &total)) in precisions.iter_mut().zip(counts) {
            *precision = if matches > 0 {
                100.0 * matches as f64 / total as f64
            } else {
                smoothed *= 2.0;
                100.0 / (smoothed * total as f64)
            };
        }
        precisions
    }
}
