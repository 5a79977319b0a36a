/**
 * Frequent given names, without accents, by which a patient's name is told from other words. Words that are also used for
 * studies and anatomy (such as Max, Mark, Art, Iris, Jan, May) are left out.
 */
export const GIVEN_NAMES: ReadonlySet<string> = new Set(
  `
  aaron abdul adam adele adrian agnes agnieszka ahmed ahmet aisha alan albert alejandro alessandro alexander alexandra alfred
  ali alice alina amelie ana andrea andreas andrew andrzej angela angelika anja anke ann anna anne annette annika anthony
  anton antonia antonio arthur astrid axel ayse barbara bastian beate benjamin bernd bernhard bettina birgit bjoern bjorn
  brigitte bruno carl carla carlos carmen carol caroline catherine charles charlotte chiara christa christian christiane
  christina christine christoph christopher claire clara claudia claus clemens cornelia dagmar daniel daniela david deborah
  dennis detlef diana diego dieter dietmar dirk dominik donald doris dorothea edgar edith edward ekaterina elena elif elisa
  elisabeth elizabeth elke ella ellen elmar emil emily emine emma emmanuel eric erich erik erika ernst erwin esther eugen eva
  evelyn fabian fatima fatma felix ferdinand fernando finn florian francesco franz franziska frank frederic friedrich
  fritz gabriel gabriele georg george gerald gerda gerhard gerd gertrud gisela giulia giuseppe greta guenter guenther gunter
  gunther guillaume hannah hannelore hans harald harry hartmut hasan hassan heidi heike heiko heinrich heinz helen helena
  helga helmut henri henry herbert hermann hildegard holger horst hubert hugo hussein ibrahim ilse ines inga inge ingeborg
  ingo ingrid irene irina irmgard isabel isabella ivan jacob jacqueline jakob james jana jane janina jasmin javier jean
  jeffrey jennifer jens jessica jesus joachim joan jochen johann johanna johannes john jonas jonathan jorge jose josef joseph
  joshua juan judith juergen jurgen julia julian juliane julie julius justin kai karen karin karina karl karla karolin
  karsten katarzyna katharina katherine kathrin katja katrin kenneth kerstin kevin khalid klara klaus konrad krzysztof kurt
  lars laura laurent lea lena leonie leo leon leonard linda lisa lothar louis louise luca lucas lucia ludwig luigi luis luisa
  luka lukas lutz magdalena maik malte manfred manuel manuela marc marcel marco marcus mareike margaret margarete margot
  maria marian marianne marie marina mario marion markus marlene marta martha martin martina mary maryam mateusz mathias
  matthew matthias maurice maximilian mehmet melanie melissa michael michaela michal michel michelle miguel miriam mohamed
  mohammad mohammed monica monika moritz muhammad murat mustafa nadine nadja natalia natalie nathan nele nicholas nico nicola
  nicole nicolas niels nikolaus nils nina noah norbert olaf ole olga oliver olivia omar oskar osman otto pablo pamela paolo
  pascal patricia patrick paul paula pauline pedro peter petra philipp philippe pia pierre piotr rachel rafael rainer ralf
  ramona raphael rebecca regina reinhard renate rene ricardo richard rita robert roberto robin roger roland rolf roman ronald
  rosa rosemarie roswitha rudolf ruediger ruth ryan sabine sabrina salvatore samuel sandra sara sarah saskia sebastian
  sergio severin sharon sibylle siegfried sigrid silke silvia simon simone sofia sonja sophia sophie stefan stefanie steffen
  stephan stephanie stephen steven susan susanne suzanne svein sven swetlana sylvia tanja tatjana teresa theo theodor
  theresa thomas thorsten tim timo tina tobias tomasz torsten udo ulrich ulrike ursula ute uwe valentina valerie vanessa
  vera verena veronika victor victoria viktor vincent viola volker walter waltraud waltraut werner wilfried wilhelm william
  willi winfried wolfgang xavier yannick yusuf yvonne zeynep
  `
    .trim()
    .split(/\s+/),
);
