"""What is missing, in the words of a board?"""

from dashboards.live.words import plain

QUESTIONS = {
    "serious_without_criterion": "Serious, but no criterion given",
    "criterion_without_serious": "A criterion of seriousness, but called not serious",
    "fatal_but_not_serious": "Fatal, but called not serious",
    "grade_contradicts_outcome": "Grade and outcome contradict each other",
    "toxicity_without_event": "A severe laboratory value without an adverse event",
    "grade_against_values": "A grade that the laboratory values deny",
    "term_not_of_the_dictionary": "A term that the CTCAE does not have",
    "grade_not_of_the_term": "A grade that the term does not have",
    "grade_against_course": "A grade that is not the worst of its course",
    "grade_against_severity": "Grade and severity contradict each other",
    "no_grade": "Reported without a grade",
    "life_threatening_but_not_serious": "Grade 4, but not called serious",
    "ends_before_it_begins": "Ends before it begins",
    "limits_reversed": "Limits of normal reversed",
    "below_zero": "A value below zero",
    "happens_after_death": "Dated after the death",
    "died_twice": "Two deaths",
    "dose_without_enrolment": "A dose without an enrolment",
    "mismatch": "A dose against what stood when it was given",
    "drug_not_of_the_group": "A drug that the group does not receive",
    "enrolment_against_protocol": "Enrolled against the protocol",
    "death_of_an_event_without_one": "Died of an event, but no fatal event reported",
    "fatal_event_without_death": "Fatal event, but no death reported",
}
"""What boards call each check; one that is missing here stands under its own name."""


OTHERS = {
    ("grade", "reported"): "Reported event without a grade",
    ("grade", "laboratory"): "Laboratory value without one certain grade",
    ("participant_rule", "unknown"): "A rule that lacks a fact",
}
"""What is missing beside the answers to checks: by what it is, and by where it comes from."""


def in_words(what: str, question: str) -> str:
    """A row of what is missing: an open query, what cannot be graded, a rule that lacks a fact."""
    known = QUESTIONS.get(question) if what == "query" else OTHERS.get((what, question))
    return known or plain(question).capitalize()
