//! Every kind of network, tiny, with made data.

/// Each by its name, with what its configuration has besides.
pub const NETWORKS: [(&str, &str); 5] = [
    ("MLP", "model = { name = 'mlp', hidden = [8] }"),
    ("CNN", "model = { name = 'cnn', channels = [4, 8] }"),
    ("ResNet", "model = { name = 'resnet', depth = 8, width = 4 }\nre_estimate_batch_norm = true"),
    (
        "AWD-LSTM",
        "data = { name = 'made_text', tokens = 1200, vocabulary = 20 }\n\
         model = { name = 'awd_lstm', layers = 2, hidden = 12, embedding = 8, sequence_length = 10 }\nclip_norm = 0.25",
    ),
    (
        "Transformer",
        "data = { name = 'made_pairs', train = 48, valid = 12, words = 20 }\nbatch_size = 128\n\
         model = { name = 'transformer', layers = 1, width = 16, heads = 2, feed_forward = 32 }\n\
         decoding = { longest_extra = 4 }",
    ),
];

/// The lines of a run's configuration that say what is trained, and on what.
pub fn with_data(network: &str) -> String {
    let images = "data = { name = 'made', channels = 1, height = 8, width = 8, classes = 4, train = 96, valid = 32 }\n";
    let data = if network.contains("data =") { "" } else { images };
    let batch = if network.contains("batch_size") { "" } else { "batch_size = 8\n" };
    format!("{data}{batch}{network}\n")
}
