"""Which language a text is in: by script, then by letters and by the small words that every text is full of.

Deterministic, without a model and without a package. Letters decide between scripts; between the languages of one script, each
known word counts ``log2(L / df)`` (``df`` of the ``L`` languages of that script share it) and each letter that few
languages use counts the same way. The language with the most points wins where it has at least one point and leads the next
by a tenth; else no language is told. Names, numbers and single content words hold no small words: of ``Paris`` no language can
be told, and that is what comes out.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

LONGEST: Final = 20_000
"""Characters that are looked at; a language does not need more."""
_LEAD: Final = 1.1
"""How many times the points of the next language the first one needs."""
_OTHER_SCRIPT: Final = 0.6
"""Share of letters that a script needs before it speaks for the text."""

_LATIN_WORDS: Final = {
    "en": "the of and to in is that it for was on with as be at by this are from or an not have has had they which you were their been will would there what when who all can if more about do your we my our should could also how its into than then them these some only other his her she he but i my me just like very so no yes please here where because while such each may must any between after before over under most many much does did being am us one two three four five six seven eight nine ten first second third last end new old good great best part way thing things people time year years day days week today tomorrow yes hello thanks thank sure certainly course answer question help make made see said say says know think want need use used using work write read start line text word words world now well even back still own same another every never always again down off out up both few own right left high long small large little next here true false start each number name list",
    "de": "der die das und ist nicht ein eine einen einem einer zu den dem des mit sich auf für im von auch es an als wie aus bei oder nach werden wird wurde sind war haben hat kann können sie er wir ich ihr ihre sein seine nur noch über mehr zum zur durch wenn aber so dass man um vor kein keine sehr schon bis diese dieser dieses gegen unter ja nein bitte meine antwort lautet lautete heute guten danke hier jetzt innerhalb",
    "fr": "le la les de des du et est une un en que qui dans pour pas sur au aux avec ce cette ces il elle nous vous ils elles je ne se son sa ses leur leurs par plus mais ou où comme être été avoir ont sont était fait tout tous très bien aussi sans sous entre après avant chez donc si oui non merci votre notre mes mon ma réponse peut peuvent deux même",
    "es": "el la los las de del y es una un en que por para con no se su sus lo como más pero al este esta estos estas son fue ser está están ha han hay también muy todo todos si sí cuando donde qué quién o u ni le les me te nos mi mis tu yo él ella ellos sobre entre hasta desde sin porque puede pueden así bien gracias usted ustedes respuesta día días",
    "pt": "o a os as de do da dos das e é uma um em no na nos nas que por para com não se seu sua seus suas como mais mas ao aos à este esta isso são foi ser está estão tem têm há também muito todo todos se quando onde ou nem lhe me te nós eu ele ela eles sobre entre até desde sem porque pode podem assim bem obrigado você vocês resposta dia dias minha meu já",
    "it": "il lo la i gli le di del della dei delle degli e è una un uno in nel nella che per con non si suo sua come più ma al alla ai alle questo questa questi sono fu essere era ha hanno anche molto tutto tutti se quando dove o né mi ti ci noi io lui lei loro su sul sulla tra fra fino da dal dalla senza perché può possono così bene grazie risposta giorno giorni mia mio ho",
    "nl": "de het een en is van niet in op te dat die voor met zijn was ze hij er aan om ook als dan maar bij of uit naar werd worden wordt heeft hebben had kan kunnen wij we ik jij je u hun haar nog over meer door wel geen zo deze dit tot tegen onder waar wie wat hoe omdat ja nee dank antwoord dag dagen binnen mijn uw onze zou zal",
    "sv": "och att det är en ett i på som för av med inte den till har de om var han hon vi jag du ni från eller men så när där hur vad vilka kan ska skulle blev bli varit hade över under efter mellan också mycket alla mer än nu här bara sin sina ja nej tack svar svaret dag dagar mitt min från detta denna utan mot",
    "da": "og at det er en et i på som for af med ikke den til har de om var han hun vi jeg du fra eller men så når der hvor hvad kan skal skulle blev blive været havde over under efter mellem også meget alle mere end nu her kun sin sine ja nej tak svar svaret dag dage mit min dette denne uden mod noget nogle mig dig sig op ud",
    "no": "og at det er en et i på som for av med ikke den til har de om var han hun vi jeg du fra eller men så når der hvor hva kan skal skulle ble bli vært hadde over under etter mellom også mye alle mer enn nå her bare sin sine ja nei takk svar svaret dag dager mitt min dette denne uten mot noe noen meg deg seg opp ut",
    "fi": "ja on ei se että en hän he me te minä sinä oli ovat olla ole kun mutta tai jos niin kuin myös joka jotka mitä missä mikä kuka sen sitä tämä tämän nämä ne niiden hänen minun sinun meidän vain vielä nyt sitten jo hyvin kaikki voi voidaan voivat olen olemme kanssa ennen jälkeen koska siitä siinä tässä vastaus vastaukseni kiitos kyllä päivää päivä sisällä mukaan ollut pitää",
    "pl": "i w nie na z się do jest to że o jak ale po co tak za od są był była było być przez dla lub czy który która które także może można tylko już jeszcze gdy kiedy gdzie bardzo jego jej ich tym tego tej te ten ta we ze oraz ja ty on ona my wy oni mnie mój moja moje odpowiedź dziękuję proszę dni dzień bez pod przed nad między więc",
    "cs": "a v na je se to že z s do o jako ale po co tak za od jsou byl byla bylo být pro nebo který která které také může jen už ještě když kde velmi jeho její jejich tím toho této ten ta ve ze i já ty on ona my vy oni mě můj moje odpověď děkuji prosím dní den bez pod před nad mezi proto není až není",
    "hr": "i u je se da na za od su ne što kao ali ili bi iz koji koja koje o po to nije biti bio bila samo više može kada gdje vrlo njegov njezin njihov taj ta ova ovaj sa s do ja ti on ona mi vi oni moj moja odgovor hvala molim dana dan bez pod pred nad između jer također",
    "ro": "și de la în cu nu pe un o este sunt a al ale să că din pentru care mai ca dar sau prin fost fi are au era când unde foarte lui ei lor acest această aceste acesta tot toate după până fără între eu tu el ea noi voi meu mea răspunsul mulțumesc vă rog zile zi poate pot fie se nici",
    "hu": "a az és hogy nem is egy van volt ez ezt azt de meg csak már még ha vagy mint kell lehet lesz nagyon ki mi amely amelyek aki ami ahol után előtt között nélkül szerint ezek én te ő mi ti ők nekem válasz válaszom köszönöm kérem nap napon belül minden több el fel be",
    "tr": "ve bir bu da de için ile çok olarak daha gibi ne var ama değil olan kadar ise sonra önce o ben sen biz siz onlar mi mı mu mü en her şey veya ya hem ki nasıl neden nerede kim yok evet hayır teşekkür lütfen cevap cevabım gün içinde tarafından olduğu göre vardır olur ediyor",
    "id": "yang dan di ini itu dengan untuk dari pada adalah dalam tidak akan ke oleh juga atau ada bisa telah sudah saya anda kami kita mereka dia karena seperti lebih para dapat hanya jika maka namun tersebut sebagai secara hari bahwa belum apa siapa bagaimana terima kasih jawaban",
    "vi": "là và của có không được cho các một những trong với người này đó khi đã từ để ở về như rất cũng nhưng hay hoặc tôi bạn anh chị họ chúng ta nếu thì mà vì nên sẽ đến ra vào lên trên dưới sau trước cảm ơn vâng câu trả lời ngày nhiều việc",
    "sw": "na ya wa kwa ni katika la za ya hii hiyo hizo huu huo hili hilo kuwa si sio pia au lakini kama ambayo ambao yake wake wao mimi wewe yeye sisi ninyi sana kila moja mbili watu mtu siku baada kabla kati ili hata tu bila ndani juu chini nini nani wapi lini asante ndiyo hapana jibu langu yangu wangu kutoka kwamba vya vyake kuna",
    "ca": "el la els les de del i és una un en que per amb no es seu seva com més però al aquest aquesta aquests són va ser està ha han també molt tot tots si quan on o ni li em et ens jo ell ella ells sobre entre fins des sense perquè pot poden així bé gràcies resposta dia dies dels als meva",
}
_CYRILLIC_WORDS: Final = {
    "ru": "и в не на что он она они это как с по но из за от для его её их мы вы я ты был была было были быть есть если или все всё так же только уже ещё когда где очень может можно который которые этот эта до при об без после между потому нет да спасибо пожалуйста мой ответ дней день",
    "uk": "і в не на що він вона вони це як з по але із за від для його її їх ми ви я ти був була було були бути є якщо або все всі так же тільки вже ще коли де дуже може можна який які цей ця до при про без після між тому ні так дякую будь моя відповідь днів день та у її",
    "bg": "и в не на че той тя те това като с по но от за за да е са си ще ми му ми им ние вие аз ти беше бяха бъде ако или всички само вече още когато къде много може който които този тази до при без след между защото няма благодаря моля моят отговор дни ден във със се",
}
_ARABIC_WORDS: Final = {
    "ar": "في من على إلى أن إن هذا هذه ذلك التي الذي الذين كان كانت لا ما هو هي هم عن مع أو ثم قد لم لن كل بعد قبل بين حتى إذا كما لكن أنا نحن أنت يكون غير عند منذ نعم شكرا يوم أيام",
    "fa": "در از به که این آن را با است برای می یک و تا های شود شده بود هم خود ما شما من او آنها نیز اما یا اگر کرد کند هر باید نه چه کنید دارد دارند پس هستند کرده بر بله ممنون روز",
    "ur": "میں سے کے کی کا کو ہے ہیں اور نے پر یہ وہ کہ اس ایک بھی تھا تھے تھی جو تو ہم آپ وہ کر کیا گیا ہوا ہو نہیں لیے ساتھ بعد تک اپنے اپنی جب یا لیکن ان کرتے ہوتا میرا جواب جی ہاں دن",
}
_DEVANAGARI_WORDS: Final = {
    "hi": "के का की में है और से को पर यह वह कि एक भी था थे थी जो तो हम आप कर किया गया हुआ हो नहीं लिए साथ बाद तक अपने अपनी जब या लेकिन इस उस ने हैं मैं मेरा होता करते रहा जाता दिन",
    "mr": "आहे आणि या हे ते तो ती मध्ये च्या ला ने साठी आहेत नाही मी आपण तुम्ही त्या होते होता होती असे किंवा पण जर तर सर्व एक खूप केले झाले करण्यात येते यांनी माझे त्यांच्या आपल्या म्हणून दिवस काय",
    "ne": "छ र को मा लाई ले छन् यो त्यो हो थियो थिए गर्न भएको गरेको पनि तर एक म हामी तपाईं उनी का की बाट लागि सँग हुन्छ गर्छ छैन वा यदि धेरै सबै मेरो दिन के हुन् गर्ने भने",
}
_LETTERS: Final = {
    "de": "ßäöü", "fr": "çœèêëîïôûùâàé", "es": "ñ¿¡áéíóú", "pt": "ãõçâêôáéíóúà", "it": "àèéìòù", "sv": "åäö", "da": "åæø", "no": "åæø",
    "fi": "äö", "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "hr": "čćđšž", "ro": "ăâîșțşţ", "hu": "áéíóöőúüű", "tr": "çğıöşü",
    "vi": "ăâđêôơưạảấầẩậắằẵặẹẻẽếềểễệỉịọỏốồổỗộớờởợụủứừửựỳỵỷỹ", "ca": "àçèéíïòóúü·", "nl": "ëïé",
    "ru": "ыэъё", "uk": "іїєґ", "bg": "ъ", "fa": "پچژگکی", "ur": "ٹڈڑںےہھکگیچپژ", "ar": "ةىيكأإ", "mr": "ळ",
}  # fmt: skip
"""Letters that set a language apart within its script."""

_FAMILIES: Final = {
    "Latin": _LATIN_WORDS,
    "Cyrillic": _CYRILLIC_WORDS,
    "Arabic": _ARABIC_WORDS,
    "Devanagari": _DEVANAGARI_WORDS,
}
_ONE_LANGUAGE: Final = {
    "Greek": "el", "Hebrew": "he", "Thai": "th", "Hangul": "ko", "Kana": "ja", "Han": "zh", "Bengali": "bn", "Tamil": "ta",
    "Telugu": "te", "Kannada": "kn", "Gujarati": "gu", "Gurmukhi": "pa", "Malayalam": "ml", "Armenian": "hy",
    "Georgian": "ka", "Sinhala": "si", "Khmer": "km", "Lao": "lo", "Myanmar": "my", "Ethiopic": "am",
}  # fmt: skip
_NAMED: Final = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana", "KATAKANA-HIRAGANA": "Kana", "HALFWIDTH": "Kana"}
_SCRIPTS: Final = {name.upper(): name for name in (*_FAMILIES, *_ONE_LANGUAGE)} | _NAMED

LANGUAGES: Final = tuple(
    sorted({code for family in _FAMILIES.values() for code in family} | set(_ONE_LANGUAGE.values()))
)
"""Codes (ISO 639-1) of every language that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a text looks like."""

    language: str | None
    """ISO 639-1 code; None where none can be told."""
    letters: int
    """Letters that were looked at."""
    scripts: Mapping[str, float]
    """Script -> share of the letters, largest first."""
    points: Mapping[str, float]
    """Language -> points, the best three; empty where the script alone decides."""


def tell_language(text: str) -> Told:
    """Tell the language of a text.

    Args:
        text: Any text; the first 20,000 characters are looked at.

    Returns:
        The language, or None where the letters belong to no script in particular, or too few known words were found.
    """
    text = unicodedata.normalize("NFC", text[:LONGEST]).lower()
    counts = Counter(script for char, many in Counter(text).items() if (script := _script(char)) for _ in range(many))
    letters = sum(counts.values())
    scripts = {script: many / letters for script, many in counts.most_common()}
    main = _main_script(scripts)
    if main in _ONE_LANGUAGE:
        return Told(language=_ONE_LANGUAGE[main], letters=letters, scripts=scripts, points={})
    if main not in _FAMILIES:
        return Told(language=None, letters=letters, scripts=scripts, points={})
    points = _points(text, main)
    return Told(language=_winner(points), letters=letters, scripts=scripts, points=dict(points[:3]))


@cache
def _script(char: str) -> str:
    """The script of a letter or mark by its Unicode name, or nothing."""
    if not (char.isalpha() or unicodedata.category(char) in ("Mn", "Mc")):
        return ""
    return _SCRIPTS.get(unicodedata.name(char, "").partition(" ")[0], "other")


def _main_script(scripts: Mapping[str, float]) -> str:
    # Japanese is written in Kana and Han together; any Kana beside Han makes it Japanese.
    wide = scripts.get("Kana", 0.0) + scripts.get("Han", 0.0)
    if wide >= _OTHER_SCRIPT and scripts.get("Kana", 0.0) >= 0.1 * wide:
        return "Kana"
    return next((script for script, share in scripts.items() if share >= _OTHER_SCRIPT), "")


def _points(text: str, script: str) -> list[tuple[str, float]]:
    weights = _weights(script)
    points = dict.fromkeys(_FAMILIES[script], 0.0)
    words = Counter(re.findall(r"[^\W\d_]+(?:[\u0300-\u036f\u0900-\u0903\u093a-\u094f\u200c]+[^\W\d_]*)*", text))
    for word, many in (
        *words.items(),
        *((_letter(char), n) for char, n in Counter(text).items() if not char.isascii()),
    ):
        for language, weight in weights.get(word, ()):
            points[language] += weight * many
    return sorted(points.items(), key=lambda item: (-item[1], item[0]))


def _letter(char: str) -> str:
    """The key of a letter as such, which is no word of one letter."""
    return f"*{char}"


@cache
def _weights(script: str) -> Mapping[str, tuple[tuple[str, float], ...]]:
    """Word (or letter) -> (language, points)."""
    owners: dict[str, set[str]] = {}
    for language, words in _FAMILIES[script].items():
        for mark in (*words.split(), *map(_letter, _LETTERS.get(language, ""))):
            owners.setdefault(mark, set()).add(language)
    most = len(_FAMILIES[script])
    return {
        mark: tuple((language, math.log2((most + 1) / len(languages))) for language in sorted(languages))
        for mark, languages in owners.items()
    }


def _winner(points: list[tuple[str, float]]) -> str | None:
    (language, first), (_, second) = points[:2]
    return language if first >= 1.0 and first >= _LEAD * second else None
