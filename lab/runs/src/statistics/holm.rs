//! Holm's correction: several tests at once, with one probability for any false decision among them.

/// One of several tests after the correction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// Whether it is decided.
    pub is_decided: bool,
    /// Its adjusted p-value: the smallest level of the whole family at which it is decided.
    pub adjusted: f64,
    /// The level at which it was tried, at most that of the family: its confidence interval at this level agrees with the
    /// decision.
    pub level: f64,
}

/// Tests a family of p-values at level `alpha` by Holm's step-down procedure; each p-value is in 0 to 1.
///
/// ```
/// use lookahead_runs::statistics::holm;
///
/// let tested = holm(&[0.03, 0.01], 0.05);
/// assert!(tested[1].is_decided && tested[1].adjusted == 0.02 && tested[1].level == 0.025);
/// assert!(tested[0].is_decided && tested[0].adjusted == 0.03 && tested[0].level == 0.05);
/// ```
#[must_use]
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<Tested> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut tested = vec![Tested { is_decided: false, adjusted: 1.0, level: alpha }; p_values.len()];
    let mut before = Tested { is_decided: true, adjusted: 0.0, level: alpha };
    for (rank, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        // p~_(i) = max over j <= i of min(1, (m - j + 1) p_(j))
        let adjusted = (left * p_values[index]).min(1.0).max(before.adjusted);
        // The first that fails stops the procedure; those after it are tried at its level, where they fail too.
        let level = if before.is_decided { alpha / left } else { before.level };
        before = Tested { is_decided: before.is_decided && p_values[index] < level, adjusted, level };
        tested[index] = before;
    }
    tested
}
