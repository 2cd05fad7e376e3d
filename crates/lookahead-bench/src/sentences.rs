//! The Transformers that are timed, and numbers in the place of their subwords.

use lookahead_models::config::{ModelConfig, TransformerConfig};
use lookahead_training::config::RunConfig;

/// Subwords of both languages.
pub const VOCABULARY: usize = 3000;
/// Subwords of a sentence, its end included.
pub const LENGTH: usize = 25;

/// `transformer`: two layers of width 128. `transformer_middle`: three layers of width 256. `transformer_base`: six layers of
/// width 512 (Vaswani et al., Table 3).
pub fn model(network: &str) -> Result<TransformerConfig, String> {
    let sizes = match network {
        "transformer" => "layers = 2, width = 128, heads = 4, feed_forward = 512",
        "transformer_middle" => "layers = 3, width = 256, heads = 4, feed_forward = 1024",
        "transformer_base" => "layers = 6, width = 512, heads = 8, feed_forward = 2048",
        other => {
            let known = "transformer, transformer_middle or transformer_base";
            return Err(format!("--network is {other:?}, but must be {known}"));
        }
    };
    let run = format!(
        "schedule.learning_rate = 0.1\noptimizer.name = 'sgd'\ndata.name = 'made_pairs'\nmodel = {{ {sizes} }}"
    );
    match RunConfig::parse(&run, "worker").map_err(|error| error.to_string())?.model {
        ModelConfig::Transformer(config) => Ok(config),
        other => Err(format!("no translation model: {other:?}")),
    }
}

/// Sentences without their ends, from number `first` on.
pub fn sentences(count: usize, first: usize) -> Vec<Vec<u32>> {
    // Padding, the marks of a sentence's beginning and end, and the unknown subword do not occur.
    const SPECIAL: u32 = 4;
    let subword = |index: usize| {
        let hashed = (index as u64).wrapping_mul(2_654_435_761) as u32;
        SPECIAL + hashed % (VOCABULARY as u32 - SPECIAL)
    };
    (first..first + count).map(|sentence| (1..LENGTH).map(|i| subword(sentence * LENGTH + i)).collect()).collect()
}
