//! Averages of SGD's weights, and averages that train where they evaluate, as one linear recursion (after Sec. 3.1).

use serde::Serialize;

use crate::Error;
use crate::error::{accept, to_ten_digits};
use crate::limits::check_curvature;

/// How an average x follows the weights z that SGD steps, and how near to it, at y, gradients are taken:
///
/// ```text
/// y = m x + (1 - m) z;  z <- z - lr g(y);  x <- (1 - w) x + w z
/// ```
///
/// | | m | w in step t = 1, 2, … |
/// |---|---|---|
/// | [`running`](Self::running), the mean of all z | 0 | 1 / t |
/// | [`exponential`](Self::exponential) | 0 | 1 - decay, 1 in the first step |
/// | [`schedule_free`](Self::schedule_free) with a constant learning rate | beta | 1 / t |
/// | [`gpa`](Self::gpa) | mu_y | 1 - mu_x |
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Average {
    /// m.
    interpolation: f64,
    /// 1 - w; `None` for the mean of all.
    memory: Option<f64>,
    /// Whether w is 1 in the first step.
    begins_after_first: bool,
}

impl Average {
    /// Polyak and Ruppert's mean of all weights after the start, [`lookahead::Averaging::Running`].
    #[must_use]
    pub fn running() -> Self {
        Self { interpolation: 0.0, memory: None, begins_after_first: true }
    }

    /// [`lookahead::Averaging::exponential`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= decay < 1`.
    pub fn exponential(decay: f64) -> Result<Self, Error> {
        accept("the decay", decay, (0.0..1.0).contains(&decay), "at least 0 and below 1")?;
        Ok(Self { interpolation: 0.0, memory: Some(decay), begins_after_first: true })
    }

    /// [`lookahead::ScheduleFree`] around SGD, all steps with the same learning rate and weight.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= beta < 1`; with 0 it is [`running`](Self::running).
    pub fn schedule_free(beta: f64) -> Result<Self, Error> {
        accept("beta", beta, (0.0..1.0).contains(&beta), "at least 0 and below 1")?;
        Ok(Self { interpolation: beta, memory: None, begins_after_first: true })
    }

    /// [`lookahead::Gpa`] around SGD.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= mu_x < 1` and `0 <= mu_y <= 1`.
    pub fn gpa(mu_x: f64, mu_y: f64) -> Result<Self, Error> {
        accept("mu_x", mu_x, (0.0..1.0).contains(&mu_x), "at least 0 and below 1")?;
        accept("mu_y", mu_y, (0.0..=1.0).contains(&mu_y), "at least 0 and at most 1")?;
        Ok(Self { interpolation: mu_y, memory: Some(mu_x), begins_after_first: false })
    }

    /// The learning rates that converge: below `2 (1 + r) / ((1 + r - 2 r m) L)`, r being the memory 1 - w; for the
    /// mean of all, whose r rises to 1, below `2 / ((1 - m) L)`.
    ///
    /// ```
    /// use lookahead_theory::Average;
    /// assert_eq!(Average::exponential(0.99)?.lr_limit(4.0), 0.5);
    /// // Nearer to the average a larger learning rate converges.
    /// assert!((Average::schedule_free(0.9)?.lr_limit(4.0) - 5.0).abs() < 1e-14);
    /// # Ok::<(), lookahead_theory::Error>(())
    /// ```
    #[must_use]
    pub fn lr_limit(&self, largest_eigenvalue: f64) -> f64 {
        let r = self.memory.unwrap_or(1.0);
        // 1 + r - 2 r m
        let times = (1.0 - r) + 2.0 * r * (1.0 - self.interpolation);
        2.0 * (1.0 + r) / (times * largest_eigenvalue)
    }

    /// `2 (1 + r) - h (1 + r - 2 r m)`, h being lr a: above 0 for a learning rate that converges.
    pub(crate) fn room(&self, lr: f64, curvature: f64) -> f64 {
        let r = self.memory.unwrap_or(1.0);
        (1.0 + r) * lr.mul_add(-curvature, 2.0) + 2.0 * r * self.interpolation * (lr * curvature)
    }

    pub(crate) fn check_lr(&self, lr: f64, largest_eigenvalue: f64) -> Result<f64, Error> {
        check_curvature(largest_eigenvalue)?;
        let limit = self.lr_limit(largest_eigenvalue);
        let accepted = || format!("above 0 and below {}, the limit of this average", to_ten_digits(limit));
        if lr > 0.0 && self.room(lr, largest_eigenvalue) > 0.0 {
            Ok(lr)
        } else {
            accept("the learning rate", lr, false, accepted())
        }
    }

    /// m.
    #[must_use]
    pub fn interpolation(&self) -> f64 {
        self.interpolation
    }

    /// 1 - w, where it stays the same after the first step; `None` for a mean of all weights.
    #[must_use]
    pub fn memory(&self) -> Option<f64> {
        self.memory
    }

    /// w in step `step`, counted from 1.
    pub(crate) fn weight(&self, step: u64) -> f64 {
        match self.memory {
            _ if step == 1 && self.begins_after_first => 1.0,
            Some(memory) => 1.0 - memory,
            None => 1.0 / step as f64,
        }
    }
}
