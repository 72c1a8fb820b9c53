"""Example translations for completion models, which continue text instead of following instructions.

Written for this project; none of them is in a task. ``full`` is a plain translation,
``short`` one within the syllable budget of its language against Chinese.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One line by language, plain and, but for Chinese, short."""

    full: dict[str, str]
    short: dict[str, str]


EXAMPLES = (
    Example(
        {
            "zh": "我们明天早上一起去爬山吧",
            "en": "Let us all go hiking in the mountains together tomorrow morning.",
            "de": "Lasst uns morgen früh alle zusammen in den Bergen wandern gehen.",
            "es": "Vamos todos juntos a hacer senderismo en la montaña mañana por la mañana.",
            "fr": "Allons tous ensemble faire de la randonnée en montagne demain matin.",
        },
        {
            "en": "Let us go hiking tomorrow morning.",
            "de": "Gehen wir doch morgen früh alle wandern.",
            "es": "Mañana temprano vamos todos al monte.",
            "fr": "Demain matin, on va tous en montagne.",
        },
    ),
    Example(
        {
            "zh": "这家店的面条真的特别好吃",
            "en": "The noodles in this restaurant are really especially delicious.",
            "de": "Die Nudeln in diesem Restaurant sind wirklich ganz besonders lecker.",
            "es": "Los fideos de este restaurante están realmente muy deliciosos.",
            "fr": "Les nouilles de ce restaurant sont vraiment particulièrement délicieuses.",
        },
        {
            "en": "The noodles at this place are truly great.",
            "de": "Die Nudeln in diesem Lokal sind echt lecker.",
            "es": "Los fideos de este sitio están muy ricos.",
            "fr": "Les nouilles d'ici sont vraiment bonnes.",
        },
    ),
    Example(
        {
            "zh": "他已经三天没有回家睡觉了",
            "en": "He has not come back home to sleep for three whole days now.",
            "de": "Er ist jetzt schon seit drei Tagen nicht mehr zum Schlafen nach Hause gekommen.",
            "es": "Ya lleva tres días enteros sin volver a casa para dormir.",
            "fr": "Cela fait maintenant trois jours entiers qu'il n'est pas rentré dormir à la maison.",
        },
        {
            "en": "He has not slept at home for three whole days.",
            "de": "Seit drei Tagen schlief er nicht mehr zu Hause.",
            "es": "Lleva tres días sin dormir en su casa.",
            "fr": "Il n'a pas dormi chez lui depuis trois jours.",
        },
    ),
)


def examples(source: str, target: str) -> tuple[Example, ...]:
    """Return the examples for a language pair; none where a language is missing.

    Examples:
        >>> len(examples("zh", "en")), len(examples("ko", "zh"))
        (3, 0)
    """
    return EXAMPLES if all(code in EXAMPLES[0].full for code in (source, target)) else ()
