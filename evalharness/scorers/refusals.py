"""Phrases that open a refusal, by language: the speaker cannot, may not or will not, or speaks as a machine.

To add a language: a pattern in verbose syntax, and its entry in ``LANGUAGES``; case is ignored.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_EN: Final = r"""
    \b(?: i | we ) (?: \s+ am | \s+ are | ['’]m | ['’]re )? \s+
        (?: not \s+ (?: able | allowed | permitted | authori[sz]ed | comfortable | going | programmed | in \s+ a \s+ position )
          | unable | prohibited | forbidden ) \b
  | \b(?: i | we ) \s+ (?: (?: really | simply | just | must | have \s+ to | respectfully ) \s+ )?
        (?: cannot | refuse | decline | can['’]t | couldn['’]t | mustn['’]t | shouldn['’]t | won['’]t
          | (?: can | could | may | must | should | will ) \s+ not ) \b
        (?! \s+ (?: wait | help \s+ but | stress | emphasi[sz]e | overstate | believe | say \s+ enough ) )
  | \b(?: this | that | your | the ) \s+ (?: request | question | task | content ) \s+
        (?: cannot | can['’]t | won['’]t | (?: can | may | will ) \s+ not ) \s+ be \b
  | \b(?: that | this | it ) \s+ (?: won['’]t | will \s+ not | is \s+ not | isn['’]t ) \s+ (?: be \s+ )? possible \b
  | \bcannot \s+ (?: assist | help | comply | fulfil{1,2} | provide ) \b
  | \bas \s+ an? \s+ (?: ai | artificial \s+ intelligence | (?: large \s+ )? language \s+ model ) \b
  | \A \s* (?: (?: i \s+ am | i['’]?m ) \s+ )? (?: (?: so | very ) \s+ )? (?: sorry | (?: my \s+ )? apologies | i \s+ apologi[sz]e )
        \s* [,;.:!-]* \s* (?: but \s+ )? no \s* (?: [.,;:!] | \Z )
  | \A \s* no \s* [,;.:!-]+ \s* i \s+ (?: will \s+ not | won['’]t | refuse ) \b
  | \bmy \s+ (?: safety | content | usage ) \s+ (?: guidelines | policy | policies ) \b
  | \bagainst \s+ (?: my | our ) \s+ (?: (?: safety | content | usage ) \s+ )? (?: guidelines | policy | policies | programming ) \b
  | \bblocked \s+ by \s+ (?: our | the | my | its ) \s+ (?: (?: content | safety ) \s+ )? (?: filters? | policy | policies ) \b
"""
_DE: Final = r"""
    \bich \s+ (?: kann | darf | werde | möchte | will ) \s+ (?: (?: \w+ ,? \s+ ){0,6} ) nicht \b
  | \b(?: kann | darf ) \s+ ich \s+ (?: \w+ ,? \s+ ){0,5} (?: nicht | kein\w* ) \b
  | \bich \s+ (?: kann | darf | werde ) \s+ (?: \w+ ,? \s+ ){0,4} kein\w* \b
  | \bich \s+ bin \s+ nicht \s+ (?: in \s+ der \s+ lage | befugt | berechtigt ) \b
  | \bals \s+ (?: eine? \s+ )? (?: ki | künstliche \s+ intelligenz | sprachmodell ) \b
  | \bich \s+ (?: weigere \s+ mich | lehne \s+ (?: \w+ \s+ ){0,3} ab ) \b
  | \b(?: diese | ihre | deine ) \s+ anfrage \s+ kann \s+ (?: \w+ \s+ ){0,3} nicht \b
"""
_FR: Final = r"""
    \bje \s+ (?: ne \s+ | n['’] \s* ) (?: \w+ \s+ ){0,3} (?: peux | suis | puis | pourrai | pourrais | vais | dois ) \b (?: \s+ (?: \w+ \s+ ){0,2} (?: pas | aucun\w* ) \b )?
  | \bje \s+ (?: refuse | décline ) \b
  | \b(?: m['’] \s* est | il \s+ m['’] \s* est ) \s+ impossible \b
  | \ben \s+ tant \s+ qu['’] \s* (?: ia | intelligence \s+ artificielle | assistant \s+ ia | modèle \s+ de \s+ langage ) \b
  | \bcette \s+ (?: demande | requête ) \s+ ne \s+ peut \b
"""
_ES: Final = r"""
    \bno \s+ (?: te \s+ | le \s+ | les \s+ | os \s+ | me \s+ )? (?: puedo | podemos | podré | debo | estoy \s+ (?: autorizad[oa] | capacitad[oa] ) | me \s+ es \s+ posible | es \s+ posible ) \b
  | \bme \s+ (?: niego | es \s+ imposible ) \b
  | \bcomo \s+ (?: una? \s+ )? (?: ia | inteligencia \s+ artificial | modelo \s+ de \s+ lenguaje ) \b
"""
_IT: Final = r"""
    \bnon \s+ (?: ti \s+ | le \s+ | vi \s+ | mi \s+ )? (?: posso | possiamo | potrò | è \s+ possibile | sono \s+ (?: in \s+ grado | autorizzat[oa] ) ) \b
  | \bmi \s+ rifiuto \b
  | \bcome \s+ (?: una? \s+ )? (?: ia | intelligenza \s+ artificiale | modello \s+ linguistico ) \b
"""
_PT: Final = r"""
    \bnão \s+ (?: te \s+ | lhe \s+ )? (?: posso | podemos | poderei | estou \s+ autorizad[oa] | é \s+ possível | consigo ) \b
  | \brecuso-me \b
  | \bcomo \s+ (?: uma? \s+ )? (?: ia | inteligência \s+ artificial | modelo \s+ de \s+ linguagem ) \b
"""
_NL: Final = r"""
    \bik \s+ (?: kan | mag | zal | wil ) \s+ (?: (?: \w+ ,? \s+ ){0,6} ) (?: niet | geen ) \b
  | \b(?: kan | mag ) \s+ ik \s+ (?: \w+ ,? \s+ ){0,5} (?: niet | geen ) \b
  | \bals \s+ (?: een \s+ )? (?: ai | kunstmatige \s+ intelligentie | taalmodel ) \b
"""
LANGUAGES: Final = {"en": _EN, "de": _DE, "fr": _FR, "es": _ES, "it": _IT, "pt": _PT, "nl": _NL}


@lru_cache(maxsize=len(LANGUAGES) + 1)
def refusals(language: str) -> re.Pattern[str]:
    """The phrases of one language, or of ``any``, as one pattern; made for openings, not for long texts."""
    sources = LANGUAGES.values() if language == "any" else (LANGUAGES[language],)
    return re.compile("|".join(f"(?:{source})" for source in sources), re.VERBOSE | re.IGNORECASE)
