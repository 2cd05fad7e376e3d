//! `lookahead theory`: one file for each question, and the values they share.

mod advise;
mod alpha;
mod fixed_point;
mod loss;
mod map_table;
mod problem;
mod rate;
mod values;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    question: Question,
}

const EXAMPLES: &str = "\
Examples:
  lookahead theory fixed-point --curvature 1 --noise-variance 1 --lr 0.5 --json
  lookahead theory loss --spectrum chebyshev --dim 100 --lr 0.5 --steps 1000
  lookahead theory rate --spectrum log --dim 64 --momentum 0.99 --k 20
  lookahead theory alpha --lr 0.5 --k 5
  lookahead theory advise --lr 0.5 --momentum 0.9 --out results

Everything is computed in doubles from the closed forms of Sec. 2.1, 3, App. A and B of the paper.";

#[derive(Debug, Subcommand)]
enum Question {
    /// The variance fixed points of SGD and Lookahead in one direction (Prop. 2, Eq. 6, 7).
    FixedPoint(fixed_point::Arguments),
    /// The expected losses of both on a noisy quadratic, after a number of steps and in the long run (Eq. 5).
    Loss(loss::Arguments),
    /// The convergence rates of classical momentum and Lookahead without noise (Sec. 3.2, App. B.1).
    Rate(rate::Arguments),
    /// The optimal step size of the slow weights on a quadratic (Prop. 1).
    Alpha(alpha::Arguments),
    /// Which k and alpha: the expected loss against both.
    Advise(advise::Arguments),
}

pub fn theory(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.question {
        Question::FixedPoint(arguments) => fixed_point::fixed_point(arguments),
        Question::Loss(arguments) => loss::loss(arguments),
        Question::Rate(arguments) => rate::rate(arguments),
        Question::Alpha(arguments) => alpha::alpha(arguments),
        Question::Advise(arguments) => advise::advise(arguments),
    }
}

/// Errors of the analyses, as the program knows them.
fn refused(error: lookahead_theory::Error) -> anyhow::Error {
    lookahead_training::Error::from(error).into()
}

/// A number with the digits that a reader needs; `--json` gives all.
fn short(value: f64) -> String {
    lookahead_runs::format::significant(value, 10)
}
