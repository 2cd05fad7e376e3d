//! The JSON file of a tokenizer, checked before the library `tokenizers` sees it, which panics on some damaged ones.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::bpe::{BPE, Vocab};

use super::{SPECIAL, UNK};

/// How many subwords there are, and what they are joined from.
pub(super) fn read(json: &str) -> Result<(usize, BPE), String> {
    let file: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let model = &file["model"];
    let vocabulary =
        HashMap::<String, u32>::deserialize(&model["vocab"]).map_err(|error| format!("model.vocab: {error}"))?;
    let merges =
        Vec::<(String, String)>::deserialize(&model["merges"]).map_err(|error| format!("model.merges: {error}"))?;

    for (id, name) in (0..).zip(SPECIAL) {
        if vocabulary.get(name) != Some(&id) {
            let found = vocabulary.get(name).map_or("absent".to_owned(), u32::to_string);
            return Err(format!("the id of {name} is {found}, but must be {id}"));
        }
    }
    let len = vocabulary.len();
    let mut ids: Vec<u32> = vocabulary.values().copied().collect();
    ids.sort_unstable();
    if let Some((expected, id)) = (0..).zip(ids).find(|(expected, id)| expected != id) {
        return Err(format!(
            "the ids of its {len} subwords must be 0 to {}, but for {expected} there is {id}",
            len - 1
        ));
    }
    let absent = |(first, second): &(String, String)| {
        let joined = format!("{first}{second}");
        [first, second, &joined].into_iter().find(|subword| !vocabulary.contains_key(*subword)).cloned()
    };
    if let Some(subword) = merges.iter().find_map(absent) {
        return Err(format!("model.merges has {subword:?}, but model.vocab has not"));
    }
    let vocabulary: Vocab = vocabulary.into_iter().collect();
    let unknown = SPECIAL[UNK as usize].to_owned();
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).unk_token(unknown).build();
    Ok((len, model.map_err(|error| error.to_string())?))
}

/// Whether two files differ in nothing but vocabulary and merges.
pub(super) fn same_settings(json: &str, ours: &str) -> Result<(), String> {
    let settings = |json: &str| -> Result<serde_json::Map<String, Value>, String> {
        let mut file: serde_json::Map<String, Value> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if let Some(Value::Object(model)) = file.get_mut("model") {
            model.retain(|key, _| key != "vocab" && key != "merges");
        }
        Ok(file)
    };
    let (theirs, ours) = (settings(json)?, settings(ours)?);
    match theirs.iter().find(|(key, value)| ours.get(*key) != Some(value)) {
        Some((key, _)) => Err(format!("its `{key}` is not that of the subwords which are trained here")),
        None => Ok(()),
    }
}
