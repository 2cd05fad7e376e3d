//! A renderer that prints one line an epoch; the `tui` feature of burn-train has a better one.

use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};

#[derive(Default)]
pub struct Lines {
    validation: String,
}

impl MetricsRendererTraining for Lines {
    fn update_train(&mut self, _state: MetricState) {}

    fn update_valid(&mut self, state: MetricState) {
        let (MetricState::Generic(entry) | MetricState::Numeric(entry, _)) = state;
        // "epoch 94.25 % - batch 93.75 %": of the epoch so far, and of the last batch
        let formatted = entry.serialized_entry.formatted;
        self.validation = formatted.split(" - ").next().unwrap_or_default().replace("epoch ", "");
    }
}

impl TrainingProgressLogger for Lines {
    fn start(&mut self, epochs: usize, _first: usize, _items: Option<usize>, _label: Option<&str>) {
        println!("{epochs} epochs, each validated on the fast weights as they are then");
    }

    fn update_epoch(&mut self, epoch: usize) {
        println!("epoch {epoch}: accuracy {}", self.validation);
    }

    fn start_split(&mut self, _split: &str, _items: usize) {}

    fn update_split(&mut self, _items: usize) {}

    fn end_split(&mut self) {}

    fn end(&mut self) {}

    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRenderer for Lines {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, _definition: MetricDefinition) {}
}

// The Learner never evaluates, but its renderer must be able to show it.
impl MetricsRendererEvaluation for Lines {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl EvaluationProgressLogger for Lines {
    fn start_global_progress(&mut self, _tests: usize) {}

    fn start_test(&mut self, _name: &str, _items: usize) {}

    fn update_test_progress(&mut self, _items: usize) {}

    fn end_test(&mut self) {}

    fn end_global_progress(&mut self) {}

    fn log_event_evaluation(&mut self, _event: String) {}
}
