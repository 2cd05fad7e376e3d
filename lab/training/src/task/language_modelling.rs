//! Language modelling by truncated backpropagation through a running text (Sec. 5.3, App. C.3; Merity et al. 2018).

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};

use super::{Batches, Mean, Part, Score, Task, number};
use crate::Error;
use crate::config::{Precision, RunConfig};
use crate::workers::Share;
use lookahead_data::Corpus;
use lookahead_models::config::AwdLstmConfig;
use lookahead_models::{AwdLstm, Dropout, LstmState, Output, cross_entropy};
use lookahead_runs::random::{normal, stream, uniform};
use lookahead_runs::{Scores, Stop};

/// Columns that a text is evaluated in, as in the released code.
const EVALUATION_COLUMNS: usize = 10;

/// The shortest sequence that is trained on, but for the last one of an epoch.
const SHORTEST: u32 = 5;

/// The deviation of a sequence's length.
const DEVIATION: f64 = 5.0;

/// The prediction of each next word of a text.
#[derive(Debug, Clone, Copy)]
pub struct LanguageModelling<'a> {
    config: &'a RunConfig,
    model: &'a AwdLstmConfig,
    corpus: &'a Corpus,
    share: Share,
}

/// Some steps of the text, in all columns side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Words, `[steps, columns]`.
    pub inputs: Vec<u32>,
    /// The words that follow them, `[steps, columns]`.
    pub targets: Vec<u32>,
    /// How many steps.
    pub steps: u32,
}

impl<'a> LanguageModelling<'a> {
    /// The task of training a configuration's model on a text.
    ///
    /// # Errors
    /// [`Error::TextTooShort`] for a part that has no word to predict.
    pub fn new(config: &'a RunConfig, model: &'a AwdLstmConfig, corpus: &'a Corpus) -> Result<Self, Error> {
        Self::for_worker(config, model, corpus, Share::ALL)
    }

    /// The same for one of several workers: the text has `batch_size` columns for each.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_worker(
        config: &'a RunConfig,
        model: &'a AwdLstmConfig,
        corpus: &'a Corpus,
        share: Share,
    ) -> Result<Self, Error> {
        let task = Self { config, model, corpus, share };
        let parts = [
            ("training", task.training_text()),
            ("validation", task.evaluated_text(Part::Valid)),
            ("test", task.evaluated_text(Part::Test)),
        ];
        for (part, Columns { text, length, in_all: count, .. }) in parts {
            if length < 2 && (part != "test" || !corpus.test.is_empty()) {
                return Err(Error::TextTooShort { part, tokens: text.len(), columns: count });
            }
        }
        Ok(task)
    }

    fn training_text(&self) -> Columns<'_> {
        let Share { rank, size } = self.share;
        let count = self.config.batch_size.get() as usize;
        let columns = Columns::of(&self.corpus.train, count * size);
        Columns { first: rank * count, count, ..columns }
    }

    /// The lengths of an epoch's sequences: the base length or, one time in twenty, half of it, plus a normal number with
    /// deviation 5. The last one is what is left.
    fn lengths(&self, epoch: u32) -> Vec<u32> {
        let base = f64::from(self.model.sequence_length.get());
        let mut random = stream(self.config.seed, "sequence lengths", epoch.into());
        let mut left = self.training_text().steps();
        let mut lengths = Vec::new();
        while left > 0 {
            let length = if self.model.variable_length {
                let mean = if uniform(&mut random) <= 0.95 { base } else { base / 2.0 };
                let length = mean + DEVIATION * normal(&mut random);
                (length as u32).max(SHORTEST)
            } else {
                self.model.sequence_length.get()
            };
            lengths.push(length.min(left));
            left -= length.min(left);
        }
        lengths
    }

    /// A part in at most ten columns.
    fn evaluated_text(&self, part: Part) -> Columns<'_> {
        let text = match part {
            Part::Train => &self.corpus.train,
            Part::Valid => &self.corpus.valid,
            Part::Test => &self.corpus.test,
        };
        Columns::of(text, EVALUATION_COLUMNS.min(text.len() / 2).max(1))
    }
}

impl Task for LanguageModelling<'_> {
    type Model = AwdLstm;
    type Batch = Sequence;
    type Memory = LstmState;

    fn data_sha256(&self) -> String {
        self.corpus.sha256()
    }

    fn data_description(&self) -> String {
        self.corpus.description.clone()
    }

    fn initial_model(&self, device: &Device) -> AwdLstm {
        AwdLstm::new(self.model, self.corpus.vocabulary.len(), self.config.seed, device)
    }

    fn scored_at_end(&self) -> Vec<Part> {
        let test = (!self.corpus.test.is_empty()).then_some(Part::Test);
        [Part::Valid].into_iter().chain(test).collect()
    }

    fn steps(&self, epoch: u32) -> u32 {
        self.lengths(epoch).len() as u32
    }

    fn batches(&self, epoch: u32, first: u32) -> Batches<'_, Sequence> {
        let columns = self.training_text();
        let lengths = self.lengths(epoch);
        let starts: Vec<u32> =
            lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
        let sequences = starts.into_iter().zip(lengths).skip(first as usize);
        Box::new(sequences.map(move |(start, length)| Ok(columns.sequence(start, length))))
    }

    /// The learning rate is of the base length: a shorter sequence has a smaller one.
    fn rate_factor(&self, batch: &Sequence) -> f64 {
        f64::from(batch.steps) / f64::from(self.model.sequence_length.get())
    }

    fn loss(
        &self,
        model: &AwdLstm,
        batch: &Sequence,
        memory: &LstmState,
        step: u64,
        device: &Device,
    ) -> (Tensor<1>, LstmState) {
        let mut random = stream(self.share.seed(self.config.seed), "dropout", step);
        let output = model.forward(batch.words(device), memory, &mut Dropout::training(&mut random));
        let Output { scores, raw, dropped, state } = output;
        let [raw, dropped] = [raw, dropped].map(|x| in_f32(x, self.config.precision));
        let mut loss = cross_entropy(scores, &batch.targets, 0.0, None);
        // AR: alpha mean((m * h_t)^2); TAR: beta mean((h_t - h_(t+1))^2) (Merity et al. 2018, Sec. 4.6)
        let (activation, temporal) = (self.model.activation_regularisation, self.model.temporal_regularisation);
        if activation > 0.0 {
            loss = loss + dropped.square().mean() * activation;
        }
        let steps = batch.steps as usize;
        if temporal > 0.0 && steps > 1 {
            let change = raw.clone().narrow(0, 1, steps - 1) - raw.narrow(0, 0, steps - 1);
            loss = loss + change.square().mean() * temporal;
        }
        (loss, state)
    }

    /// The text in at most ten columns, the state carried from one stretch of the base length to the next.
    fn evaluate(&self, model: &AwdLstm, part: Part, device: &Device, stop: &Stop) -> Result<Score, Error> {
        let columns = self.evaluated_text(part);
        let (mut state, mut loss, mut start) = (LstmState::default(), Mean::default(), 0);
        while start < columns.steps() {
            stop.check()?;
            let length = self.model.sequence_length.get().min(columns.steps() - start);
            let sequence = columns.sequence(start, length);
            let output = model.forward(sequence.words(device), &state, &mut Dropout::evaluation());
            let mean = number(cross_entropy(output.scores, &sequence.targets, 0.0, None))?;
            loss.add(mean, length as usize);
            (state, start) = (output.state, start + length);
        }
        Ok(Score { scores: Scores::from([(part.loss(), loss.of(part, 0)?)]), ..Score::default() })
    }
}

/// What penalties are taken of, in the precision of losses.
fn in_f32(outputs: Tensor<3>, precision: Precision) -> Tensor<3> {
    if precision == Precision::F32 { outputs } else { outputs.cast(FloatDType::F32) }
}

impl Sequence {
    fn words(&self, device: &Device) -> Tensor<2, Int> {
        let steps = self.steps as usize;
        let words: Vec<i64> = self.inputs.iter().map(|&word| word.into()).collect();
        let columns = words.len() / steps;
        Tensor::from_data(TensorData::new(words, [steps, columns]), device)
    }
}

/// A text cut into columns of equal length that are read side by side; what is left over at its end is not read.
#[derive(Debug, Clone, Copy)]
struct Columns<'a> {
    text: &'a [u32],
    /// The first column that is read, how many are, and how many there are.
    first: usize,
    count: usize,
    in_all: usize,
    /// Words of a column.
    length: usize,
}

impl<'a> Columns<'a> {
    fn of(text: &'a [u32], count: usize) -> Self {
        Self { text, first: 0, count, in_all: count, length: text.len() / count }
    }

    /// The words that have a successor in their column.
    fn steps(self) -> u32 {
        self.length.saturating_sub(1) as u32
    }

    fn sequence(self, start: u32, steps: u32) -> Sequence {
        let words = |from: u32| {
            let rows = from as usize..(from + steps) as usize;
            let columns = self.first..self.first + self.count;
            rows.flat_map(|row| columns.clone().map(move |column| self.text[column * self.length + row])).collect()
        };
        Sequence { inputs: words(start), targets: words(start + 1), steps }
    }
}
